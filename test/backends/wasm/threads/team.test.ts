import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostWorkspace, loadSharedKernels } from '../../../../src/backends/wasm/runtime/engine';
import { withSharedHeap } from '../../../../src/backends/wasm/runtime/shared_heap';
import type { WasmBackend } from '../../../../src/backends/wasm/runtime/kernel_support';
import type { Workspace } from '../../../../src/backends/wasm/runtime/workspace';
import {
  provideThreads,
  startThreadTeam,
  type StartedTeam,
  type ThreadPlatform,
} from '../../../../src/backends/wasm/threads/team';
import { CtMultilabelError } from '../../../../src/base/errors';
import { nodeThreads } from '../../../../src/node/backend/wasm_threads';

let workspace: Workspace;
beforeAll(async () => {
  await loadSharedKernels();
  await withSharedHeap(() => tf.setBackend('wasm'));
  workspace = hostWorkspace(tf.backend())!;
});

describe('a team of threads', () => {
  let team: StartedTeam;
  beforeAll(async () => {
    team = await startThreadTeam(3, nodeThreads, workspace);
  });
  afterAll(() => team.stop());

  it('does every unit once, whoever takes it, job after job', () => {
    // a unit of winogradTaps is a channel: 16 of them, 8 filters
    const [channels, filters] = [16, 8];
    const [points, taps] = [36 * channels * filters, 9 * channels * filters];
    workspace.scope(tf.backend() as WasmBackend, () => {
      const [from, to] = [workspace.scratch(4 * points), workspace.scratch(4 * taps)];
      const heap = new Float32Array(workspace.host.asm.memory.buffer);
      for (let job = 1; job <= 300; job++) {
        heap.fill(job, from / 4, from / 4 + points);
        heap.fill(0, to / 4, to / 4 + taps);
        const args = { pointGradient: from, channels, filters, out: to, accumulate: 1 };
        workspace.run('winogradTaps', channels, 4096, args);
        // with `accumulate`, a unit done twice would count twice: all points equal to 1 give G^T 1 G, a last tap of 1
        const expected = [0, 0, 1].flatMap((a) => [0, 0, 1].map((b) => a * b * job));
        for (let tap = 0; tap < 9; tap++) {
          for (let i = 0; i < channels * filters; i++) {
            expect(heap[to / 4 + tap * channels * filters + i]).toBeCloseTo(expected[tap]!, 3);
          }
        }
      }
    });
  });

  it('says that a kernel failed, on whatever thread', () => {
    const outside = 2 ** 32 - 64;
    const args = { pointGradient: outside, channels: 64, filters: 64, out: outside, accumulate: 0 };
    const fail = () =>
      workspace.scope(tf.backend() as WasmBackend, () => workspace.run('winogradTaps', 64, 4096, args));
    expect(fail).toThrow();
  });
});

describe('a team that does not come about', () => {
  it('leaves no thread where one of them does not start', async () => {
    let [started, stopped] = [0, 0];
    const platform: ThreadPlatform = {
      parallelism: () => 4,
      hindrance: () => undefined,
      async start({ thread }) {
        if (thread === 2) throw new Error('no room for it');
        started++;
        return { stop: async () => stopped++ };
      },
    };
    const failure = await provideThreads(workspace, 'auto', platform).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(CtMultilabelError);
    expect(String(failure)).toContain('a thread did not start: no room for it');
    expect([started, stopped, workspace.threads]).toEqual([2, 2, 1]);
    expect(await provideThreads(workspace, 1, platform)).toBe(1);
  });

  it('says what hinders it, unless one thread is enough', async () => {
    const platform: ThreadPlatform = {
      parallelism: () => 4,
      hindrance: () => 'threads need what is not here',
      start: () => Promise.reject(new Error('started all the same')),
    };
    for (const threads of ['auto', 2] as const) {
      await expect(provideThreads(workspace, threads, platform)).rejects.toThrow(
        'threads need what is not here',
      );
    }
    expect(await provideThreads(workspace, 1, platform)).toBe(1);
  });
});
