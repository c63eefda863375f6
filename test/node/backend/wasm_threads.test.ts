import * as tf from '@tensorflow/tfjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setThreadTeam } from '../../../src/backends/wasm/runtime/thread_team';
import { SharedWorkspace } from '../../../src/backends/wasm/runtime/workspace';
import { OutOfMemoryError } from '../../../src/base/errors';
import { useBackend, wasmMemory } from '../../../src/node/backend/backend';
import { provideThreads, startThreadTeam, type StartedTeam } from '../../../src/node/backend/wasm_threads';
import { expectClose } from '../../support/matchers';

describe('a team of threads', () => {
  let team: StartedTeam;
  beforeAll(async () => {
    team = (await startThreadTeam(3))!;
  });
  afterAll(() => team.stop());

  /** Copies `units` numbers, a unit each, by the compiled `copyColumns` shifted one argument: (unit, scratch, …). */
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

describe('provideThreads', () => {
  afterEach(async () => {
    await provideThreads(1);
  });

  it('convolves alike on any number of threads, and says what memory it takes', async () => {
    await useBackend('wasm', { threads: 1 });
    expect(wasmMemory().shared).toBe(0);
    const x = tf.randomNormal([2, 20, 20, 16], 0, 1, 'float32', 1) as tf.Tensor4D;
    const filter = tf.randomNormal([3, 3, 16, 16], 0, 1, 'float32', 2) as tf.Tensor4D;
    const alone = tf.conv2d(x, filter, 1, 'same');
    for (const threads of [2, 4]) {
      await useBackend('wasm', { threads });
      expect(wasmMemory().shared).toBeGreaterThan(2 ** 20);
      const together = tf.conv2d(x, filter, 1, 'same');
      // threads share out whole tiles: the sums are the same ones
      expectClose(together, alone, 1e-6);
      together.dispose();
    }
    tf.dispose([x, filter, alone]);
    setThreadTeam(undefined);
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
