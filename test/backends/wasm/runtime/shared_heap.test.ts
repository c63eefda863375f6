import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostModule } from '../../../../src/backends/wasm/runtime/host_module';
import { isShared, withSharedHeap } from '../../../../src/backends/wasm/runtime/shared_heap';

const { instantiate } = WebAssembly;
const isHeapShared = () => isShared(hostModule(tf.backend())!);

/** Starts the backend from nothing. */
async function start(): Promise<void> {
  const { factory, priority } = tf.engine().registryFactory['wasm']!;
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory, priority);
  expect(await tf.setBackend('wasm')).toBe(true);
}

beforeEach(() => tf.setBackend('cpu'));
afterEach(() => {
  WebAssembly.instantiate = instantiate;
});

describe('withSharedHeap', () => {
  it('gives the host a heap that threads share, on which it computes as on its own', async () => {
    const product = () =>
      tf.tidy(() => tf.matMul(tf.range(0, 6).reshape([2, 3]), tf.range(6, 12).reshape([3, 2])).arraySync());
    await start();
    expect(isHeapShared()).toBe(false);
    const own = product();
    await withSharedHeap(start);
    expect(isHeapShared()).toBe(true);
    expect(product()).toEqual(own);
    // it grows
    const large = tf.ones([2 ** 24]);
    expect(tf.tidy(() => tf.sum(large).arraySync())).toBe(2 ** 24);
    large.dispose();
    expect(isHeapShared()).toBe(true);
  });

  it('leaves everything as it was, after an exception too', async () => {
    await expect(withSharedHeap(() => Promise.reject(new Error('did not start')))).rejects.toThrow(
      'did not start',
    );
    expect(WebAssembly.instantiate).toBe(instantiate);
  });

  it("leaves other programs' modules alone", async () => {
    // a memory of one to two pages, exported as "m"
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 1, 1, 2, 7, 5, 1, 1, 109, 2, 0]);
    const { instance } = await withSharedHeap(() => WebAssembly.instantiate(bytes));
    expect((instance.exports['m'] as WebAssembly.Memory).buffer).toBeInstanceOf(ArrayBuffer);
    await expect(withSharedHeap(() => WebAssembly.instantiate(bytes.slice(0, 12)))).rejects.toThrow(
      WebAssembly.CompileError,
    );
  });

  it('takes a heap of its own where there is no room for a shared one', async () => {
    const refusing = vi.fn((bytes: Uint8Array<ArrayBuffer>, imports?: WebAssembly.Imports) =>
      refusing.mock.calls.length === 1
        ? Promise.reject(new RangeError('could not allocate memory'))
        : instantiate(bytes, imports),
    );
    WebAssembly.instantiate = refusing as unknown as typeof WebAssembly.instantiate;
    await withSharedHeap(start);
    expect(refusing).toHaveBeenCalledTimes(2);
    expect(isHeapShared()).toBe(false);
  });
});
