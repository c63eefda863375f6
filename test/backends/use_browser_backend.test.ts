import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { useBrowserBackend } from '../../src/backends/use_browser_backend';
import { ArgumentError, CtMultilabelError } from '../../src/base/errors';

/** What Node lacks of a page is refused here; what a page has is in the package check. */
describe('useBrowserBackend', () => {
  beforeEach(async () => {
    await useBrowserBackend('cpu');
  });

  it('refuses names, options and numbers of threads that it does not know', async () => {
    await expect(useBrowserBackend('gpu' as never)).rejects.toThrow(ArgumentError);
    await expect(useBrowserBackend('wasm', { thread: 2 } as never)).rejects.toThrow(
      "did you mean 'threads'?",
    );
    for (const threads of [0, 65, 1.5]) {
      await expect(useBrowserBackend('wasm', { threads })).rejects.toThrow(
        /threads: expected 'auto' or 1 to 64/,
      );
    }
    expect(tf.getBackend()).toBe('cpu');
  });

  it('loads the wasm backend, computes on one thread, and says why no more', async () => {
    const { reason, ...started } = await useBrowserBackend('wasm');
    expect(tf.getBackend()).toBe('wasm');
    expect(started).toEqual({ compiledKernels: true, memoryGuard: true, threads: 1 });
    expect(reason).toMatch(/^WebAssembly on 1 thread, more did not start \(threads need a Web Worker/);
    expect(await useBrowserBackend('wasm', { threads: 1 })).toEqual({
      ...started,
      reason: 'WebAssembly on 1 thread',
    });
  });

  it('refuses threads that cannot be had, and goes back to the backend before', async () => {
    const failure = await useBrowserBackend('wasm', { threads: 2 }).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(CtMultilabelError);
    expect(String(failure)).toMatch(/wasm cannot be used: threads need a Web Worker .*cross-origin isolated/);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('refuses WebGPU where there is none', async () => {
    await expect(useBrowserBackend('webgpu')).rejects.toThrow(/webgpu cannot be used: .*no WebGPU/);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('does one thing after the other', async () => {
    const [wasm, cpu] = await Promise.all([useBrowserBackend('wasm'), useBrowserBackend('cpu')]);
    expect([wasm.compiledKernels, cpu.reason]).toEqual([true, 'plain JavaScript on 1 thread']);
    expect(tf.getBackend()).toBe('cpu');
  });
});
