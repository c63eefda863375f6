import * as tf from '@tensorflow/tfjs';
import { CtMultilabelError, OutOfMemoryError } from '../../base/errors';
import type { BufferManager, WebGpuBackend } from './backend';

/** Marks a guarded backend, and holds the watch of its device. */
const GUARDED: unique symbol = Symbol.for('ct-multilabel.webgpu-memory-guard');

type GuardedBackend = WebGpuBackend & { [GUARDED]?: Pick<DeviceWatch, 'came'> };

/** `GPUBufferUsage.STORAGE` */
const STORAGE = 0x80;

const REMEDY = 'lower the slices per chunk, the image size or the batch size';

/**
 * Makes the active WebGPU backend throw an OutOfMemoryError instead of returning stale values.
 *
 * The host neither checks the device's limits nor its errors: a buffer beyond the limit is invalid, writes to it are
 * lost, and reads return the values of another tensor. The guard
 *
 * - refuses a buffer that exceeds the device's limit, before it is created;
 * - listens for uncaptured errors. They arrive later than the operation that caused them, so that all values written on the device
 *   since the last complete read are unreliable: using or reading one throws. Older and newer values remain valid;
 * - throws on every use once the device is lost.
 *
 * A synchronous read (`dataSync`) cannot wait for such errors; `await tensor.data()` does. Further calls have no
 * effect.
 *
 * @returns True if the guard is in place; false if the active backend is not the WebGPU one or its internals differ.
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

/** Notifies the guard, if there is one, of values written in place, which it cannot observe otherwise. */
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

/** Tracks which values of a device are reliable. */
class DeviceWatch {
  /** Counts reads and failures: values with the same number were written between the same two. */
  private now = 0;
  /** The last number whose values are reliable: a later read completed without failures. */
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

  /** Records that a tensor's values have been written on the device. */
  came(dataId: tf.DataId): void {
    this.born.set(dataId, this.now);
  }

  /** Throws if the device is lost. */
  checkDevice(): void {
    if (this.lost !== undefined) throw this.lost();
  }

  /** Throws if the values of a tensor are unreliable. */
  check(dataId: tf.DataId): void {
    this.checkDevice();
    const born = this.born.get(dataId);
    if (born === undefined) return;
    const doubt = this.doubts.find(({ after, until }) => born > after && born <= until);
    if (doubt !== undefined) throw doubt.error();
  }

  /** A read from the device: errors of earlier operations arrive before it ends. */
  async during<T>(dataId: tf.DataId, read: () => Promise<T>): Promise<T> {
    this.check(dataId);
    const moment = this.now++;
    try {
      const values = await read();
      this.check(dataId);
      this.proven = Math.max(this.proven, moment);
      return values;
    } catch (error) {
      this.check(dataId); // a more specific error than a failed read
      throw error;
    }
  }

  private doubt(cause: Error): void {
    const { proven: after, now: until } = this;
    const last = this.doubts.at(-1);
    // of many errors at once, the first is the cause of the others
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
  // called for every operand and every result
  backend.uploadToGPU = (dataId) => {
    watch.check(dataId);
    const isNew = backend.tensorMap.get(dataId)?.resource == null;
    upload(dataId);
    if (isNew) watch.came(dataId);
  };
  backend.runWebGPUProgram = (program, inputs, dtype, uniforms, output) => {
    if (output !== undefined) return run(program, inputs, dtype, uniforms, output);
    // as the host does, so that a result without memory can be disposed
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

/** Releases buffers kept for reuse, so that a retry with less memory can succeed. */
function giveBackFreeBuffers(manager: BufferManager): void {
  for (const buffers of manager.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      buffer.destroy();
      manager.numFreeBuffers--;
      manager.numBytesAllocated -= buffer.size;
    }
  }
}

/** The error to throw for an uncaptured error of the device. */
function deviceError(cause: Error): CtMultilabelError {
  const said = firstLine(cause.message);
  const ofMemory =
    cause.constructor.name === 'GPUOutOfMemoryError' || /memory|size|limit|too large/i.test(said);
  const lost = 'values computed since the last read are lost: load the model again';
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
        `the webgpu backend lost its device (${said}), usually for lack of memory or because of a time limit; reload the page or restart ` +
          `the program, and ${REMEDY}`,
      );
}

const firstLine = (text: string) => text.trim().split('\n')[0]!;

const mib = (bytes: number) => Math.floor(bytes / 2 ** 20);

const noRoom = (bytes: number) =>
  `the webgpu backend has no room for ${bytes} bytes in one piece (${Math.ceil(bytes / 2 ** 20)} MiB)`;
