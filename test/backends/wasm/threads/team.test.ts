import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SharedWorkspace } from '../../../../src/backends/wasm/runtime/workspace';
import {
  provideThreads,
  sharedBytes,
  startThreadTeam,
  type StartedTeam,
  type ThreadPlatform,
} from '../../../../src/backends/wasm/threads/team';
import { CtMultilabelError, OutOfMemoryError } from '../../../../src/base/errors';
import { nodeThreads } from '../../../../src/node/backend/wasm_threads';

describe('a team of threads', () => {
  let team: StartedTeam;
  beforeAll(async () => {
    team = (await startThreadTeam(3, nodeThreads))!;
  });
  afterAll(() => team.stop());

  /** Copies `units` numbers, one unit each, by the compiled `copyColumns` shifted one argument: (unit, scratch, …). */
  it('does every unit once, whoever takes it, job after job', () => {
    const values = new Float32Array(team.memory.buffer);
    // a unit of winogradTaps is a channel: 16 of them, 8 filters, size 2
    const [channels, filters] = [16, 8];
    const points = team.base / 4;
    const out = points + 16 * channels * filters;
    const scratch = 4 * (out + 9 * channels * filters);
    for (let job = 1; job <= 300; job++) {
      values.fill(job, points, points + 16 * channels * filters);
      values.fill(0, out, out + 9 * channels * filters);
      team.run('winogradTaps', channels, scratch, 4096, [2, 4 * points, channels, filters, 4 * out, 1]);
      // with `accumulate`, a unit done twice would count twice: all points equal to 1 give the taps of G^T 1 G
      const taps = [2, 0, 2].flatMap((a) => [2, 0, 2].map((b) => a * b * job));
      for (let tap = 0; tap < 9; tap++) {
        for (let i = 0; i < channels * filters; i++) {
          expect(values[out + tap * channels * filters + i]).toBeCloseTo(taps[tap]!, 3);
        }
      }
    }
  });

  it('says that a kernel failed, on whatever thread', () => {
    const outside = 2 ** 32 - 64;
    const fail = () => team.run('winogradTaps', 64, team.base, 4096, [2, outside, 64, 64, outside, 0]);
    expect(fail).toThrow();
  });

  it('runs out of memory by name', () => {
    const workspace = new SharedWorkspace(team);
    const use = () => workspace.scope(tf.backend() as never, () => workspace.scratch(3 * 2 ** 30));
    expect(use).toThrow(OutOfMemoryError);
    expect(use).toThrow(/cannot grow by [\d.]+ MiB.*lower the slices/);
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
    const failure = await provideThreads('auto', platform).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(CtMultilabelError);
    expect(String(failure)).toContain('a thread did not start: no room for it');
    expect([started, stopped, sharedBytes()]).toEqual([2, 2, 0]);
    expect(await provideThreads(1, platform)).toBe(1);
  });

  it('says what hinders it, unless one thread is enough', async () => {
    const platform: ThreadPlatform = {
      parallelism: () => 4,
      hindrance: () => 'threads need what is not here',
      start: () => Promise.reject(new Error('started all the same')),
    };
    for (const threads of ['auto', 2] as const) {
      await expect(provideThreads(threads, platform)).rejects.toThrow('threads need what is not here');
    }
    expect(await provideThreads(1, platform)).toBe(1);
  });
});
