import type { RawKernels } from '../runtime/compiled';

/** Indices of shared words by which the threads communicate. */
export const WORD = {
  /** Counts jobs; threads sleep on it. */
  job: 0,
  /** 1 while threads may join the job. */
  open: 1,
  /** Number of threads at work, besides the calling one. */
  active: 2,
  /** The next unit to take. */
  unit: 3,
  units: 4,
  kernel: 5,
  scratch: 6,
  scratchBytes: 7,
  /** Set when a kernel failed on another thread. */
  failed: 8,
  /** Number of arguments. */
  args: 9,
} as const;

/** Data passed to a thread of the team by `postMessage`. */
export interface ThreadTask {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Names of the kernels, in an order that all threads share. */
  names: string[];
  words: Int32Array;
  /** The arguments: integers and floats. */
  values: Float64Array;
  word: typeof WORD;
  /** How often the thread polls for the next job before it sleeps. */
  mostSpins: number;
  /** Number of the thread, from 1; the calling thread is 0. */
  thread: number;
}

/**
 * Main loop of a thread of the team, until it is terminated; `ready` is called first. Node's threads receive it as
 * text, so that it must use only its arguments and contain no nested functions (which build tools would wrap in helpers
 * that do not exist there).
 */
export function runJobs(task: ThreadTask, ready: () => void): void {
  const { module, memory, names, words, values, word, mostSpins, thread } = task;
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as RawKernels;
  ready();
  for (let seen = 0; ;) {
    for (let spins = 0; Atomics.load(words, word.job) === seen; spins++) {
      if (spins > mostSpins) Atomics.wait(words, word.job, seen);
    }
    seen = Atomics.load(words, word.job);
    Atomics.add(words, word.active, 1);
    if (Atomics.load(words, word.open) === 1) {
      // the job cannot change while this thread counts as active
      const units = words[word.units]!;
      const scratch = words[word.scratch]! + thread * words[word.scratchBytes]!;
      const args = values.slice(0, words[word.args]!);
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
