import * as tf from '@tensorflow/tfjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { hostWorkspace } from '../../../src/backends/wasm/runtime/engine';
import { backendReport, useBackend, wasmMemory } from '../../../src/node/backend/backend';
import { expectClose } from '../../support/matchers';

describe('useBackend, on threads', () => {
  afterEach(async () => {
    await useBackend('wasm', { threads: 1 });
  });

  it('convolves alike on any number of threads', async () => {
    await useBackend('wasm', { threads: 1 });
    expect(wasmMemory().heap).toBeGreaterThan(2 ** 20);
    const x = tf.randomNormal([2, 20, 20, 16], 0, 1, 'float32', 1) as tf.Tensor4D;
    const filter = tf.randomNormal([3, 3, 16, 16], 0, 1, 'float32', 2) as tf.Tensor4D;
    const alone = tf.conv2d(x, filter, 1, 'same');
    for (const threads of [2, 4, 12]) {
      await useBackend('wasm', { threads });
      expect(hostWorkspace(tf.backend())?.threads).toBe(threads);
      expect(backendReport().reason).toContain(`WebAssembly on ${threads} threads`);
      const together = tf.conv2d(x, filter, 1, 'same');
      // threads share out whole tiles: the sums are the same ones
      expectClose(together, alone, 1e-6);
      together.dispose();
    }
    tf.dispose([x, filter, alone]);
  });

  it('says why a backend that holds tensors on its own heap stays on one thread', async () => {
    const { factory, priority } = tf.engine().registryFactory['wasm']!;
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', factory, priority);
    await tf.setBackend('wasm');
    const x = tf.tensor1d([1, 2, 3]);
    x.dataSync();
    await expect(useBackend('wasm', { threads: 2 })).rejects.toThrow(/threads need a shared heap/);
    await useBackend('wasm');
    expect(backendReport().reason).toMatch(
      /^WebAssembly on 1 thread, more did not start \(threads need a shared heap/,
    );
    expect(Array.from(x.dataSync())).toEqual([1, 2, 3]);
    x.dispose();
    await useBackend('wasm', { threads: 2 });
    expect(backendReport().reason).toContain('WebAssembly on 2 threads');
  });

  it('lets the process end by itself', () => {
    const program = fileURLToPath(new URL('../../support/program_with_threads.ts', import.meta.url));
    const args = ['--import', 'tsx', program];
    const { stdout, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(stdout).toContain('done');
    expect(status).toBe(0);
  });
});
