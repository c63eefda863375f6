import { messageOf } from '../../../base/describe';
import { CtMultilabelError } from '../../../base/errors';
import { AUTO_THREADS } from '../../threads_option';
import { isShared } from '../runtime/shared_heap';
import type { ThreadTeam, Workspace } from '../runtime/workspace';
import { WORD, type ThreadTask } from './run_jobs';

/** How often a thread polls for the next job before it sleeps: tens of microseconds, the pause between two kernels. */
const SPINS = 20_000;

/** More than the arguments of any kernel. */
const MOST_ARGUMENTS = 64;

/** What differs between threads of Node and of browsers. */
export interface ThreadPlatform {
  /** Number of hardware threads. */
  parallelism(): number;
  /** Why a team is not possible, if so. */
  hindrance(): string | undefined;
  /** Starts a thread that runs {@link runJobs}; resolves when it is ready, and is rejected if it does not start. */
  start(task: ThreadTask): Promise<RunningThread>;
}

/** A thread that waits for jobs. */
export interface RunningThread {
  stop(): Promise<unknown>;
}

/**
 * Starts a team of threads for the compiled kernels, replacing the present one.
 *
 * @returns The number of threads.
 * @throws CtMultilabelError if only one is possible, or another does not start; then only the calling thread computes.
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
    : 'threads need a shared heap, but the wasm backend was started without one: start it with useBackend or useBrowserBackend ' +
      'rather than tf.setBackend, or dispose of its tensors first';

let present: StartedTeam | undefined;

/** A team that can be stopped. */
export interface StartedTeam extends ThreadTeam {
  readonly workspace: Workspace;
  stop(): Promise<void>;
}

/**
 * Starts `threads - 1` workers besides the calling thread, which share a workspace's heap.
 *
 * The calling thread takes part in every job. It does not wait for workers that have not woken by the time all units
 * are done, so that a busy machine slows a job down but does not stall it.
 *
 * @throws CtMultilabelError if one of them does not start; the others are then stopped.
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
      // in the order of WORD, starting with `units`
      words.set([units, names.indexOf(kernel), scratch, scratchBytes, 0, args.length], WORD.units);
      values.set(args);
      Atomics.store(words, WORD.unit, 0);
      Atomics.store(words, WORD.open, 1);
      Atomics.add(words, WORD.job, 1);
      Atomics.notify(words, WORD.job);
      try {
        for (let unit; (unit = Atomics.add(words, WORD.unit, 1)) < units;) call(unit, scratch, ...args);
      } finally {
        // no unit is left: threads that wake now must not join
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

/** Starts all threads or none: if one does not start, the others are stopped. */
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
  throw new CtMultilabelError(`a thread did not start: ${messageOf(cause)}`, { cause });
}
