import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { guardWasmMemory } from '../../../../src/backends/wasm/runtime/memory_guard';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { OutOfMemoryError } from '../../../../src/base/errors';
import { expectClose } from '../../../support/matchers';
import { noise } from '../support';

const MIB = 2 ** 20;

interface Inside {
  wasm: { _malloc(bytes: number): number; _free(address: number): void; HEAPU8: Uint8Array };
  makeOutput(shape: number[], dtype: string): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array;
  disposeData(dataId: tf.DataId): void;
}
const inside = () => tf.backend() as unknown as Inside;

/** Memory taken but never touched, so that filling 4 GiB costs no real memory; marked at both ends. */
const blocks: tf.TensorInfo[] = [];

function take(mebibytes: number): void {
  const block = inside().makeOutput([(mebibytes * MIB) / 4], 'float32');
  const values = inside().typedArrayFromHeap(block);
  blocks.push(block);
  values[0] = blocks.length;
  values[values.length - 1] = -blocks.length;
}

function fill(mebibytes: number): unknown {
  for (let i = 0; i < 5000; i++) {
    try {
      take(mebibytes);
    } catch (error) {
      return error;
    }
  }
  return undefined;
}

function freeLast(count: number): void {
  blocks.splice(-count).forEach(({ dataId }) => inside().disposeData(dataId));
}

beforeAll(async () => {
  await tf.setBackend('wasm');
});

afterEach(() => {
  freeLast(blocks.length);
});

describe('guardWasmMemory', () => {
  it('leaves other backends alone', async () => {
    await tf.setBackend('cpu');
    expect(guardWasmMemory()).toBe(false);
    await tf.setBackend('wasm');
  });

  it('is put in place once', async () => {
    await tf.setBackend('wasm');
    expect(guardWasmMemory()).toBe(true);
    const { _malloc } = inside().wasm;
    const conv = tf.getKernel('Conv2D', 'wasm');
    expect(guardWasmMemory()).toBe(true);
    expect(inside().wasm._malloc).toBe(_malloc);
    expect(tf.getKernel('Conv2D', 'wasm')).toBe(conv);
    tf.zeros([1000]).dispose();
    expect(inside().wasm._malloc).toBe(_malloc);
  });

  it('turns a full memory into an error, keeps what is there and goes on after some is freed', async () => {
    await tf.setBackend('wasm');
    const small = tf.tensor1d([1, 2, 3]);
    const data = tf.backend().numDataIds();
    const error = fill(256);
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect((error as Error).message).toMatch(
      /no room for 268435456 bytes more in one piece \(256 MiB\): \d+ MiB are in use, and the heap is \d+ MiB of at most 3584 MiB; lower the slices/,
    );
    const [inUse, heap] = /: (\d+) MiB are in use, and the heap is (\d+)/
      .exec((error as Error).message)!
      .slice(1);
    expect(Number(inUse)).toBeGreaterThanOrEqual(256 * blocks.length);
    expect(Number(inUse)).toBeLessThan(256 * blocks.length + 32);
    expect(Number(heap)).toBe(Math.round(inside().wasm.HEAPU8.length / MIB));
    expect(blocks.length).toBeGreaterThanOrEqual(12); // beyond 2 GiB, where addresses turn negative
    expect(tf.backend().numDataIds()).toBe(data + blocks.length);
    blocks.forEach((block, i) => {
      const values = inside().typedArrayFromHeap(block);
      expect([values[0], values[values.length - 1]]).toEqual([i + 1, -i - 1]);
    });

    const tensors = tf.memory().numTensors;
    const tooLarge = () => tf.tidy(() => tf.zeros([160 * MIB]));
    expect(tooLarge).toThrow(OutOfMemoryError);
    expect(() => tf.tidy(() => tf.tile(tf.ones([1, MIB]), [128, 1]))).toThrow(OutOfMemoryError);
    expect(tf.memory().numTensors).toBe(tensors);
    expect([...small.dataSync()]).toEqual([1, 2, 3]);

    freeLast(1);
    const square = tf.square(small);
    expect([...square.dataSync()]).toEqual([1, 4, 9]);
    take(200);
    tf.dispose([small, square]);
  });

  it('counts what a convolution and a matrix product repack inside', async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
    const x = tf.ones([1, 2, 2, 512]) as tf.Tensor4D;
    const filter = tf.fill([3, 3, 512, 512], 2) as tf.Tensor4D; // 9 MiB, 18 MiB more when packed
    const matrix = tf.fill([512, 4096], 2) as tf.Tensor2D; // 8 MiB, and 8 MiB more
    const row = tf.ones([1, 512]) as tf.Tensor2D;
    expect(fill(256)).toBeInstanceOf(OutOfMemoryError);
    expect(fill(16)).toBeInstanceOf(OutOfMemoryError);
    expect(fill(4)).toBeInstanceOf(OutOfMemoryError);
    expect(fill(1)).toBeInstanceOf(OutOfMemoryError); // so that less than 10 MiB are free in one piece
    const data = tf.backend().numDataIds();
    expect(() => tf.conv2d(x, filter, 1, 'same')).toThrow(OutOfMemoryError);
    expect(() => tf.fused.conv2d({ x, filter, strides: 1, pad: 'same' })).toThrow(OutOfMemoryError);
    // left to the host, unlike without an activation
    expect(() => tf.fused.matMul({ a: row, b: matrix, activation: 'sigmoid' })).toThrow(OutOfMemoryError);
    expect(() =>
      tf.tidy(() => tf.grad((w: tf.Tensor) => tf.sum(tf.conv2d(x, w as tf.Tensor4D, 1, 'same')))(filter)),
    ).toThrow(OutOfMemoryError);
    expect(tf.backend().numDataIds()).toBe(data);

    freeLast(blocks.length);
    const y = tf.conv2d(x, filter, 1, 'same');
    const product = tf.matMul(row, matrix);
    expectClose(y, new Float32Array(4 * 512).fill(2 * 4 * 512));
    expectClose(product, new Float32Array(4096).fill(2 * 512));
    tf.dispose([x, filter, matrix, row, y, product]);
  });

  it('refuses more than the address space, of which only the lower 32 bits would be asked for', async () => {
    await tf.setBackend('wasm');
    expect(() => inside().makeOutput([2 ** 30 + 4], 'float32')).toThrow(/no room for 4294967312 bytes/);
  });

  it.each([1.5, 8, 37, 100, 400])(
    'never hands out memory twice or past the end, in blocks of %d MiB',
    async (mebibytes) => {
      await tf.setBackend('wasm');
      expect(guardWasmMemory()).toBe(true);
      const { wasm } = inside();
      const size = mebibytes * MIB;
      const addresses: number[] = [];
      // twice, with holes in between, since free regions near the end are what misleads the allocator
      for (let round = 0; round < 2; round++) {
        expect(() => {
          for (;;) addresses.push(wasm._malloc(size) >>> 0);
        }).toThrow(OutOfMemoryError);
        const sorted = [...addresses].sort((a, b) => a - b);
        const end = wasm.HEAPU8.length;
        expect(sorted.every((address, i) => address + size <= (sorted[i + 1] ?? end))).toBe(true);
        for (const address of addresses.splice(0, Math.ceil(addresses.length / 3))) wasm._free(address);
      }
      expect(addresses.length * size).toBeGreaterThan(1.5 * 2 ** 30);
      for (const address of addresses) wasm._free(address);
    },
  );

  it('gives back what a kernel of ours holds when it runs out on the way', async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
    const { wasm } = inside();
    const guarded = wasm._malloc;
    const x = noise([1, 5, 5, 2], 1);
    const filter = noise([3, 3, 2, 4], 2);
    const dy = noise([1, 3, 3, 4], 3);
    const ids = tf.tensor1d([0, 2, 2, 1, 0], 'int32');
    const rows = noise([5, 2], 4);
    const geometry = { strides: 2, pad: 'same', dataFormat: 'NHWC' } as const;
    const kernels: [string, tf.NamedTensorInfoMap, tf.NamedAttrMap][] = [
      ['Conv2DBackpropFilter', { x, dy }, { ...geometry, filterShape: filter.shape }],
      ['Conv2DBackpropInput', { dy, filter }, { ...geometry, inputShape: x.shape }],
      ['UnsortedSegmentSum', { x: rows, segmentIds: ids }, { numSegments: 2 }],
    ];
    for (const [name, inputs, attrs] of kernels) {
      const before = tf.backend().numDataIds();
      const run = () =>
        tf.getKernel(name, 'wasm').kernelFunc({ inputs, backend: tf.backend(), attrs }) as tf.TensorInfo;
      let failures = 0;
      for (; failures < 100; failures++) {
        let allowed = failures;
        wasm._malloc = (bytes) => {
          if (allowed-- === 0) throw new OutOfMemoryError('injected');
          return guarded(bytes);
        };
        try {
          inside().disposeData(run().dataId);
          break;
        } catch (error) {
          expect((error as Error).message).toBe('injected');
        } finally {
          wasm._malloc = guarded;
        }
        expect(tf.backend().numDataIds(), `${name}, allocation ${failures} failed`).toBe(before);
      }
      expect(failures, name).toBeGreaterThanOrEqual(3);
      expect(tf.backend().numDataIds()).toBe(before);
    }
    tf.dispose([x, filter, dy, ids, rows]);
  });
});
