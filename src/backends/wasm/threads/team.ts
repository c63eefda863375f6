import { CtMultilabelError } from '../../../base/errors';
import { AUTO_THREADS } from '../../threads_option';
import { isShared } from '../runtime/shared_heap';
import type { ThreadTeam, Workspace } from '../runtime/workspace';
import { WORD, type ThreadTask } from './run_jobs';

/** How often a thread looks for the next job before it sleeps: some tens of microseconds, the pause between two kernels. */
const SPINS = 20_000;

/** No kernel has so many arguments. */
const MOST_ARGUMENTS = 64;

/** All that differs between Node's threads and a browser's. */
export interface ThreadPlatform {
  /** How many threads the machine runs at once. */
  parallelism(): number;
  /** Why there can be no team here, if so. */
  hindrance(): string | undefined;
  /** Starts a thread that does {@link runJobs}; resolves when it is ready, and is rejected where it does not start. */
  start(task: ThreadTask): Promise<RunningThread>;
}

/** A thread that waits for jobs. */
export interface RunningThread {
  stop(): Promise<unknown>;
}

/**
 * Gives compiled kernels a team of so many threads, in place of the present one.
 *
 * @returns How many there are now.
 * @throws CtMultilabelError where there can be no more than one, or another does not start. One computes then.
 */
export async function provideThreads(
  workspace: Workspace,
  threads: 'auto' | number,
  platform: ThreadPlatform,
): Promise<number> {
  const hindrance = threads === 1 ? undefined : (platform.hindrance() ?? ownHeap(workspace));
  if (hindrance !== undefined) throw new CtMultilabelError(hindrance);
  const wanted = threads === 'auto' ? Math.min(AUTO_THREADS, platform.parallelism()) : threads;
  if (present?.workspace !== workspace || wanted !== workspace.threads) {
    await present?.stop();
    present = undefined;
    if (wanted > 1) present = await startThreadTeam(wanted, platform, workspace);
  }
  return workspace.threads;
}

const ownHeap = ({ host }: Workspace) =>
  isShared(host)
    ? undefined
    : 'threads need a heap that they can share, and the wasm backend started without one: start it by useBackend or useBrowserBackend ' +
      'rather than tf.setBackend, or dispose of its tensors first';

let present: StartedTeam | undefined;

/** A team that can be ended. */
export interface StartedTeam extends ThreadTeam {
  readonly workspace: Workspace;
  stop(): Promise<void>;
}

/**
 * Starts `threads - 1` workers beside the calling thread, which share a workspace's heap.
 *
 * The calling thread takes part in every job. Workers that have not woken by the time it has done all units are not waited
 * for, so a busy machine slows a job down but does not stall it.
 *
 * @throws CtMultilabelError where one of them does not start; none is left then.
 */
export async function startThreadTeam(
  threads: number,
  platform: ThreadPlatform,
  workspace: Workspace,
): Promise<StartedTeam> {
  const { module, raw: kernels, host } = workspace;
  const names = Object.keys(kernels);
  const words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(WORD).length));
  const values = new Float64Array(new SharedArrayBuffer(8 * MOST_ARGUMENTS));
  const task = { module, memory: host.asm.memory, names, words, values, word: WORD, mostSpins: SPINS };
  const workers = await startAll(threads - 1, (i) => platform.start({ ...task, thread: i + 1 }));

  const team: StartedTeam = {
    threads,
    workspace,
    run(kernel, units, scratch, scratchBytes, args) {
      const call = kernels[kernel]!;
      // in the order of WORD, from `units` on
      words.set([units, names.indexOf(kernel), scratch, scratchBytes, 0, args.length], WORD.units);
      values.set(args);
      Atomics.store(words, WORD.unit, 0);
      Atomics.store(words, WORD.open, 1);
      Atomics.add(words, WORD.job, 1);
      Atomics.notify(words, WORD.job);
      try {
        for (let unit; (unit = Atomics.add(words, WORD.unit, 1)) < units;) call(unit, scratch, ...args);
      } finally {
        // no unit is left: whoever comes now is turned away
        Atomics.store(words, WORD.unit, units);
        Atomics.store(words, WORD.open, 0);
        for (let spins = 0, active; (active = Atomics.load(words, WORD.active)) > 0; spins++) {
          if (spins > SPINS) Atomics.wait(words, WORD.active, active);
        }
      }
      if (Atomics.load(words, WORD.failed) !== 0) {
        throw new CtMultilabelError(`the kernel ${kernel} failed on a thread`);
      }
    },
    async stop() {
      if (workspace.team === team) workspace.team = undefined;
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
  workspace.team = team;
  return team;
}

/** All threads, or none: where one does not start, those that did are stopped. */
async function startAll(
  count: number,
  start: (i: number) => Promise<RunningThread>,
): Promise<RunningThread[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, (_, i) => start(i)));
  const running = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return running;
  await Promise.all(running.map((thread) => thread.stop()));
  const cause: unknown = failed.reason;
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new CtMultilabelError(`a thread did not start: ${why}`, { cause });
}
