import * as tf from '@tensorflow/tfjs';
import { CtMultilabelError, OutOfMemoryError } from '../../base/errors';
import type { BufferManager, WebGpuBackend } from './backend';

/** Marks a guarded backend, and holds what watches its device. */
const GUARDED: unique symbol = Symbol.for('ct-multilabel.webgpu-memory-guard');

type GuardedBackend = WebGpuBackend & { [GUARDED]?: Pick<DeviceWatch, 'came'> };

/** `GPUBufferUsage.STORAGE` */
const STORAGE = 0x80;

const REMEDY = 'lower the slices per chunk, the image size or the batch size';

/**
 * Makes the active WebGPU backend throw an OutOfMemoryError where it would give stale numbers.
 *
 * The host neither asks what a device takes nor listens to it: a buffer past the limit is no buffer, what should be written to it is
 * not, and what is read are the values of another tensor. The guard
 *
 * - refuses a buffer that is larger than the device takes, before it is made;
 * - listens to errors that nobody caught. They come later than the operation that caused them, so every value that came to the device
 *   since the last one that was read in full is in doubt: to use or read one throws. What is older, or newer, stays good.
 * - throws on every use once the device is lost.
 *
 * A synchronous read (`dataSync`) cannot wait for such errors; `await tensor.data()` does. Calling it again changes nothing.
 *
 * @returns True when the guard is in place; false when the active backend is not the WebGPU one or is not as expected inside.
 */
export function guardWebGpu(): boolean {
  const backend = tf.getBackend() === 'webgpu' ? (tf.backend() as GuardedBackend) : undefined;
  if (backend === undefined || !isAsExpected(backend)) return false;
  if (backend[GUARDED] !== undefined) return true;
  const watch = new DeviceWatch(backend.device);
  backend.device.addEventListener('uncapturederror', () => giveBackFreeBuffers(backend.bufferManager));
  limitBuffers(backend, watch);
  followValues(backend, watch);
  backend[GUARDED] = watch;
  return true;
}

/** Tells the guard, if there is one, that a tensor has new values: written in place they come in no other way. */
export function noteWritten(backend: WebGpuBackend, dataId: tf.DataId): void {
  (backend as GuardedBackend)[GUARDED]?.came(dataId);
}

function isAsExpected({
  device,
  bufferManager,
  tensorMap,
  uploadToGPU,
  runWebGPUProgram,
}: WebGpuBackend): boolean {
  return (
    typeof device?.addEventListener === 'function' &&
    device.limits?.maxBufferSize > 0 &&
    typeof bufferManager?.acquireBuffer === 'function' &&
    typeof tensorMap?.get === 'function' &&
    [uploadToGPU, runWebGPUProgram].every((method) => typeof method === 'function')
  );
}

/** Which values of a device can be trusted. */
class DeviceWatch {
  /** Counts reads and failures: values of one number came to the device between the same two. */
  private now = 0;
  /** The last number whose values are good: something that came after them was read, and nothing had failed. */
  private proven = -1;
  private readonly born = new WeakMap<tf.DataId, number>();
  private readonly doubts: { after: number; until: number; error: () => CtMultilabelError }[] = [];
  private lost: (() => CtMultilabelError) | undefined;

  constructor(device: WebGpuBackend['device']) {
    device.addEventListener('uncapturederror', ({ error }) => this.doubt(error));
    void device.lost.then(({ reason, message }) => {
      this.lost = () => lostError(reason, message);
    });
  }

  /** Notes that a tensor's values have come to the device. */
  came(dataId: tf.DataId): void {
    this.born.set(dataId, this.now);
  }

  /** Throws where the device is lost. */
  checkDevice(): void {
    if (this.lost !== undefined) throw this.lost();
  }

  /** Throws where the values of a tensor are in doubt. */
  check(dataId: tf.DataId): void {
    this.checkDevice();
    const born = this.born.get(dataId);
    if (born === undefined) return;
    const doubt = this.doubts.find(({ after, until }) => born > after && born <= until);
    if (doubt !== undefined) throw doubt.error();
  }

  /** A read from the device: errors of what was done before it come in before it ends. */
  async during<T>(dataId: tf.DataId, read: () => Promise<T>): Promise<T> {
    this.check(dataId);
    const moment = this.now++;
    try {
      const values = await read();
      this.check(dataId);
      this.proven = Math.max(this.proven, moment);
      return values;
    } catch (error) {
      this.check(dataId); // says more than that a buffer could not be read
      throw error;
    }
  }

  private doubt(cause: Error): void {
    const { proven: after, now: until } = this;
    const last = this.doubts.at(-1);
    // of many errors at once the first says what happened; the rest follow from it
    if (last?.after === after) last.until = until;
    else this.doubts.push({ after, until, error: () => deviceError(cause) });
    this.now++;
  }
}

function limitBuffers({ device, bufferManager }: WebGpuBackend, watch: DeviceWatch): void {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const acquire = bufferManager.acquireBuffer.bind(bufferManager);
  bufferManager.acquireBuffer = (size, usage, ...rest) => {
    watch.checkDevice();
    const most = usage & STORAGE ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    if (size > most) {
      throw new OutOfMemoryError(`${noRoom(size)}: this device takes at most ${mib(most)} MiB; ${REMEDY}`);
    }
    try {
      return acquire(size, usage, ...rest);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const used = mib(bufferManager.numBytesUsed);
      throw new OutOfMemoryError(`${noRoom(size)}: ${used} MiB are in use (${cause.message}); ${REMEDY}`, {
        cause,
      });
    }
  };
}

function followValues(backend: WebGpuBackend, watch: DeviceWatch): void {
  const [upload, run, read, readSync, readToGpu] = [
    backend.uploadToGPU.bind(backend),
    backend.runWebGPUProgram.bind(backend),
    backend.read.bind(backend),
    backend.readSync.bind(backend),
    backend.readToGPU.bind(backend),
  ];
  // every operand and every result comes through here
  backend.uploadToGPU = (dataId) => {
    watch.check(dataId);
    const isNew = backend.tensorMap.get(dataId)?.resource == null;
    upload(dataId);
    if (isNew) watch.came(dataId);
  };
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    if (output !== undefined) return run(program, inputs, dtype, uniforms, output);
    // as the host does, so that a result that finds no room is given back
    const made = backend.makeTensorInfo(program.outputShape, dtype);
    try {
      return run(program, inputs, dtype, uniforms, made);
    } catch (error) {
      backend.disposeData(made.dataId);
      throw error;
    }
  };
  backend.read = (dataId) => watch.during(dataId, () => read(dataId));
  backend.readSync = (dataId) => {
    watch.check(dataId);
    return readSync(dataId);
  };
  backend.readToGPU = (dataId) => {
    watch.check(dataId);
    const data = readToGpu(dataId);
    watch.came(data.tensorRef.dataId);
    return data;
  };
}

/** What is kept for later must not stand in the way of trying again with less. */
function giveBackFreeBuffers(manager: BufferManager): void {
  for (const buffers of manager.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      buffer.destroy();
      manager.numFreeBuffers--;
      manager.numBytesAllocated -= buffer.size;
    }
  }
}

/** An uncaught error of the device, by what it means for who computes. */
function deviceError(cause: Error): CtMultilabelError {
  const said = firstLine(cause.message);
  const ofMemory =
    cause.constructor.name === 'GPUOutOfMemoryError' || /memory|size|limit|too large/i.test(said);
  const lost = 'values since the last one that was read are lost: load the model again';
  return ofMemory
    ? new OutOfMemoryError(`the webgpu backend ran out of memory (${said}); ${lost}, and ${REMEDY}`, {
        cause,
      })
    : new CtMultilabelError(`the webgpu backend reported an error (${said}); ${lost}`, { cause });
}

function lostError(reason: string, message: string): CtMultilabelError {
  const said = firstLine(message) || reason;
  return reason === 'destroyed'
    ? new CtMultilabelError(`the device of the webgpu backend was destroyed (${said})`)
    : new OutOfMemoryError(
        `the webgpu backend lost its device (${said}), as happens where memory or time runs out; reload the page or start the program ` +
          `again, and ${REMEDY}`,
      );
}

const firstLine = (text: string) => text.trim().split('\n')[0]!;

const mib = (bytes: number) => Math.floor(bytes / 2 ** 20);

const noRoom = (bytes: number) =>
  `the webgpu backend has no room for ${bytes} bytes in one piece (${Math.ceil(bytes / 2 ** 20)} MiB)`;
