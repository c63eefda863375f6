import { CtMultilabelError, OutOfMemoryError } from '../../../base/errors';
import { AUTO_THREADS } from '../../threads_option';
import { compileKernels, instantiateKernels } from '../runtime/compiled';
import { setThreadTeam } from '../runtime/thread_team';
import type { ThreadTeam } from '../runtime/workspace';
import { WORD, type ThreadTask } from './run_jobs';

/** First address free for work. */
const BASE = 4096;

/** How often a thread looks for the next job before it sleeps: some tens of microseconds, the pause between two kernels. */
const SPINS = 20_000;

/** Pages of 64 KiB that the shared memory may grow to: address space only, until it is used. */
const MOST_PAGES = 24_576;

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
 * Gives the wasm backend's convolutions a team of so many threads, in place of the present one.
 *
 * @returns How many there are now: one where this engine has no threads over shared memory for it.
 * @throws CtMultilabelError where there can be no more than one, or another does not start. One computes then.
 */
export async function provideThreads(threads: 'auto' | number, platform: ThreadPlatform): Promise<number> {
  const hindrance = threads === 1 ? undefined : platform.hindrance();
  if (hindrance !== undefined) throw new CtMultilabelError(hindrance);
  const wanted = threads === 'auto' ? Math.min(AUTO_THREADS, platform.parallelism()) : threads;
  if (wanted !== (present?.threads ?? 1)) {
    const former = present;
    present = undefined;
    setThreadTeam(undefined);
    await former?.stop();
    if (wanted > 1) present = await startThreadTeam(wanted, platform);
    setThreadTeam(present);
  }
  return present?.threads ?? 1;
}

/** Bytes that the present team's memory has grown to. */
export function sharedBytes(): number {
  return present?.memory.buffer.byteLength ?? 0;
}

let present: StartedTeam | undefined;

/** A team that can be ended. */
export interface StartedTeam extends ThreadTeam {
  stop(): Promise<void>;
}

/**
 * Starts `threads - 1` workers beside the calling thread, over one memory.
 *
 * The calling thread takes part in every job. Workers that have not woken by the time it has done all units are not waited
 * for, so a busy machine slows a job down but does not stall it.
 *
 * @returns Undefined where this engine takes none of the compiled kernels.
 * @throws CtMultilabelError where one of them does not start; none is left then.
 */
export async function startThreadTeam(
  threads: number,
  platform: ThreadPlatform,
): Promise<StartedTeam | undefined> {
  const module = compileKernels(await import('../generated/shared_kernels'));
  if (module === undefined) return undefined;
  const memory = new WebAssembly.Memory({ initial: 256, maximum: MOST_PAGES, shared: true });
  const kernels = instantiateKernels(module, memory);
  const names = Object.keys(kernels);
  const words = new Int32Array(memory.buffer, 0, BASE / 4);
  const task = { module, memory, names, words, word: WORD, mostSpins: SPINS };
  const workers = await startAll(threads - 1, (i) => platform.start({ ...task, thread: i + 1 }));

  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    try {
      return grow(pages);
    } catch (cause) {
      throw new OutOfMemoryError(
        `the threads' memory cannot grow by ${Math.ceil(pages / 16)} MiB beyond ${memory.buffer.byteLength / 2 ** 20} MiB; ` +
          'lower the slices per chunk or the image size',
        { cause },
      );
    }
  };

  return {
    threads,
    memory,
    kernels,
    base: BASE,
    run(kernel, units, scratch, scratchBytes, args) {
      const call = kernels[kernel]!;
      if (units === 1 || threads === 1) {
        for (let unit = 0; unit < units; unit++) call(unit, scratch, ...args);
        return;
      }
      // in the order of WORD, from `units` to the arguments
      words.set([units, names.indexOf(kernel), scratch, scratchBytes, 0, args.length, ...args], WORD.units);
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
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
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
