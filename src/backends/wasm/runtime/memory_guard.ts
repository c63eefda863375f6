import * as tf from '@tensorflow/tfjs';
import { OutOfMemoryError } from '../../../base/errors';
import { hostModule, type HostModule } from './host_module';
import { replaceKernel, type Shape4D } from './kernel_support';

/** WebAssembly addresses have 32 bits. */
const ADDRESS_SPACE = 2 ** 32;

/** Limit of the heap; the rest of the address space bounds a single request. */
const HEAP_LIMIT = 3.5 * 2 ** 30;

/** Kept free for small buffers that kernels allocate inside WebAssembly, where a failure cannot be detected. */
const RESERVE_BYTES = 8 * 2 ** 20;

/** Upper bound of what the allocator adds to a request. */
const OVERHEAD_BYTES = 2 ** 16;

/** Marks the guarded allocator. */
const GUARDED: unique symbol = Symbol.for('ct-multilabel.wasm-memory-guard');

/**
 * Makes the active WebAssembly backend throw an OutOfMemoryError when it runs out of memory.
 *
 * The address space ends at 4 GiB. Near it, the host's allocator, whose check of `address + size` can overflow, returns
 * memory that does not exist, or address 0, which the host uses as memory: tensors
 * silently overwrite one another. The guard
 *
 * - limits the heap to 3.5 GiB, and refuses a tensor larger than the rest of the address space (at least 512 MiB), so
 *   that no sum can overflow;
 * - refuses an allocation that fails, and one that would leave too little memory for the buffers of kernels;
 * - checks for the memory in which convolutions and matrix products repack their weights inside WebAssembly.
 *
 * Existing tensors are not affected, and after some are disposed, work can continue.
 *
 * Further calls have no effect. A backend that is removed and registered again needs a new guard.
 *
 * @returns True if the guard is in place; false if the active backend is not the WebAssembly one or its internals
 * differ (as in the threaded build in browsers), in which case nothing was changed.
 */
export function guardWasmMemory(): boolean {
  const wasm = hostModule(tf.getBackend() === 'wasm' ? tf.backend() : undefined);
  if (wasm === undefined) return false;
  if ((wasm._malloc as Malloc)[GUARDED] !== true) {
    // the first call of the host's entry replaces the entry itself: do that before ours is in place
    wasm._free(wasm._malloc(1));
    limitHeap(wasm.asm.memory);
    wasm._malloc = guardedMalloc(wasm, wasm._malloc);
  }
  for (const [name, bytesOf] of Object.entries(PACKING_KERNELS)) {
    // the active backend has them all
    replaceKernel(name, 'guard', (host) => withRoom(host!, bytesOf));
  }
  return true;
}

/** The host grows its heap through this method and treats an exception as "no more memory". */
function limitHeap(memory: WebAssembly.Memory): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * 2 ** 16 > HEAP_LIMIT) throw new RangeError('heap limit reached');
    return grow(pages);
  };
}

type Malloc = ((bytes: number) => number) & { [GUARDED]?: true };

function guardedMalloc(wasm: HostModule, malloc: Malloc): Malloc {
  /** Sizes of allocations: tfjs's own count omits those of kernels, and includes other backends. */
  const sizes = new Map<number, number>();
  let taken = 0;
  const { _free: free } = wasm;
  wasm._free = (address) => {
    taken -= sizes.get(address) ?? 0;
    sizes.delete(address);
    return free(address);
  };
  const guarded: Malloc = (bytes) => {
    const safe = bytes + OVERHEAD_BYTES <= ADDRESS_SPACE - wasm.HEAPU8.length;
    // addresses from 2 GiB are negative numbers; only 0 means failure
    const address = safe ? malloc(bytes) : 0;
    if (address === 0) throw outOfMemory(wasm, bytes, taken);
    const reserve = malloc(RESERVE_BYTES);
    if (reserve === 0) {
      free(address);
      throw outOfMemory(wasm, bytes, taken);
    }
    free(reserve);
    sizes.set(address, bytes);
    taken += bytes;
    return address;
  };
  guarded[GUARDED] = true;
  return guarded;
}

function outOfMemory(wasm: HostModule, bytes: number, taken: number): OutOfMemoryError {
  const mib = (size: number) => Math.round(size / 2 ** 20);
  return new OutOfMemoryError(
    `the wasm backend has no room for ${bytes} bytes more in one piece (${Math.ceil(bytes / 2 ** 20)} MiB): ${mib(taken)} MiB are ` +
      `in use, and the heap is ${mib(wasm.HEAPU8.length)} MiB of at most ${mib(HEAP_LIMIT)} MiB; lower the slices per chunk, the image size or the batch size`,
  );
}

/** Bytes that a kernel will allocate: its result, then its repacked weights. */
type BytesOf = (inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap) => number[];

/** Kernels that copy and repack a whole operand inside WebAssembly. */
const PACKING_KERNELS: Record<string, BytesOf> = {
  [tf.Conv2D]: convolutionBytes,
  [tf.FusedConv2D]: convolutionBytes,
  [tf.BatchMatMul]: productBytes,
  [tf._FusedMatMul]: productBytes,
};

/** A kernel that first checks for memory. */
function withRoom(kernel: tf.KernelConfig, bytesOf: BytesOf): tf.KernelConfig {
  const kernelFunc: tf.KernelFunc = (args) => {
    const wasm = hostModule(args.backend);
    if (wasm !== undefined) checkRoom(wasm, bytesOf(args.inputs, args.attrs ?? {}));
    return kernel.kernelFunc(args);
  };
  return { ...kernel, kernelFunc };
}

/** Throws unless blocks of these sizes can be allocated at the same time. */
function checkRoom(wasm: HostModule, blocks: number[]): void {
  const addresses: number[] = [];
  try {
    for (const bytes of blocks) addresses.push(wasm._malloc(bytes));
  } finally {
    addresses.forEach((address) => wasm._free(address));
  }
}

function convolutionBytes({ x, filter }: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap): number[] {
  const { strides, dilations, pad, dimRoundingMode } = attrs as unknown as tf.FusedConv2DAttrs;
  const info = tf.backend_util.computeConv2DInfo(
    x!.shape as Shape4D,
    filter!.shape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
  const taps = info.filterHeight * info.filterWidth;
  const pointers = info.outHeight * info.outWidth * taps;
  return [
    4 * tf.util.sizeFromShape(info.outShape),
    4 * taps * info.inChannels * (info.outChannels + packed(info.outChannels)) + 4 * pointers,
  ];
}

function productBytes({ a, b }: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap): number[] {
  const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs;
  const rows = a!.shape.at(transposeA ? -1 : -2)!;
  const columns = b!.shape.at(transposeB ? -2 : -1)!;
  const inner = b!.shape.at(transposeB ? -1 : -2)!;
  const batch = Math.max(...[a!, b!].map(({ shape }) => tf.util.sizeFromShape(shape.slice(0, -2))));
  return [4 * batch * rows * columns, 4 * batch * inner * packed(columns)];
}

/** Outputs rounded up to the groups of eight in which weights are packed. */
const packed = (outputs: number) => 8 * Math.ceil(outputs / 8);
