import { availableParallelism } from 'node:os';
import { Worker, type MessagePort } from 'node:worker_threads';
import { compileKernels, instantiateKernels, type RawKernels } from '../../backends/wasm/runtime/compiled';
import { setThreadTeam } from '../../backends/wasm/runtime/thread_team';
import type { ThreadTeam } from '../../backends/wasm/runtime/workspace';
import { CtMultilabelError, OutOfMemoryError } from '../../base/errors';

/** Words of the shared memory's first page through which the threads talk. */
const WORD = {
  /** Counts jobs; threads sleep on it. */
  job: 0,
  /** 1 while a job takes threads on. */
  open: 1,
  /** Threads, beside the calling one, that are at work. */
  active: 2,
  /** The next unit to take. */
  unit: 3,
  units: 4,
  kernel: 5,
  scratch: 6,
  scratchBytes: 7,
  /** Set when a kernel failed on another thread. */
  failed: 8,
  /** Number of arguments; they follow. */
  args: 9,
} as const;

/** First address free for work. */
const BASE = 4096;

/** How often a thread looks for the next job before it sleeps: some tens of microseconds, the pause between two kernels. */
const SPINS = 20_000;

/** Pages of 64 KiB that the shared memory may grow to: address space only, until it is used. */
const MOST_PAGES = 24_576;

/** More threads than this share the work too finely. */
export const MOST_THREADS = 8;

/**
 * Gives the wasm backend's convolutions a team of so many threads, in place of the present one.
 *
 * @returns How many there are now: one where this engine has no threads over shared memory for it.
 */
export async function provideThreads(threads: 'auto' | number): Promise<number> {
  const wanted = threads === 'auto' ? Math.min(MOST_THREADS, availableParallelism()) : threads;
  if (wanted !== (present?.threads ?? 1)) {
    const former = present;
    present = undefined;
    setThreadTeam(undefined);
    await former?.stop();
    if (wanted > 1) present = await startThreadTeam(wanted);
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
 * for, so a busy machine slows a job down but does not stall it. They do not keep the process alive.
 *
 * @returns Undefined where this engine takes none of the compiled kernels.
 */
export async function startThreadTeam(threads: number): Promise<StartedTeam | undefined> {
  const module = compileKernels(await import('../../backends/wasm/generated/shared_kernels'));
  if (module === undefined) return undefined;
  const memory = new WebAssembly.Memory({ initial: 256, maximum: MOST_PAGES, shared: true });
  const kernels = instantiateKernels(module, memory);
  const names = Object.keys(kernels);
  const words = new Int32Array(memory.buffer as unknown as SharedArrayBuffer, 0, BASE / 4);

  const workers = await Promise.all(
    Array.from({ length: threads - 1 }, async (_, i) => {
      const workerData = { module, memory, names, words, WORD, SPINS, thread: i + 1 };
      const worker = new Worker(`(${runJobs.toString()})(require('node:worker_threads'))`, {
        eval: true,
        workerData,
      });
      await new Promise<void>((resolve, reject) => {
        worker.once('message', () => resolve());
        worker.once('error', reject);
      });
      worker.unref();
      return worker;
    }),
  );

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
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** What a worker is given. */
interface WorkerData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  names: string[];
  words: Int32Array<SharedArrayBuffer>;
  WORD: typeof WORD;
  SPINS: number;
  thread: number;
}

/**
 * What a worker does, for ever. It is handed over as text, so it knows nothing but its arguments, and holds no function of
 * its own (which build tools would wrap in helpers that are not there).
 */
function runJobs({ workerData, parentPort }: { workerData: WorkerData; parentPort: MessagePort }): void {
  const { module, memory, names, words, thread, WORD: word, SPINS: mostSpins } = workerData;
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as RawKernels;
  parentPort.postMessage('ready');
  for (let seen = 0; ;) {
    for (let spins = 0; Atomics.load(words, word.job) === seen; spins++) {
      if (spins > mostSpins) Atomics.wait(words, word.job, seen);
    }
    seen = Atomics.load(words, word.job);
    Atomics.add(words, word.active, 1);
    if (Atomics.load(words, word.open) === 1) {
      // the job cannot change as long as this thread counts as active
      const units = words[word.units]!;
      const scratch = words[word.scratch]! + thread * words[word.scratchBytes]!;
      const first = word.args + 1;
      const args = words.slice(first, first + words[word.args]!);
      const kernel = kernels[names[words[word.kernel]!]!]!;
      try {
        for (let unit; (unit = Atomics.add(words, word.unit, 1)) < units;) kernel(unit, scratch, ...args);
      } catch {
        Atomics.store(words, word.failed, 1);
      }
    }
    Atomics.sub(words, word.active, 1);
    Atomics.notify(words, word.active);
  }
}
