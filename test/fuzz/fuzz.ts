import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

/** Mutants that each file runs, before `CT_MULTILABEL_FUZZ` multiplies them. */
export const MUTANTS = {
  checkpoints: 7_000,
  dicom: 2_800,
  images: 1_300,
  safetensors: 7_000,
  sliceCache: 600,
  tables: 2_500,
};

/** How many times as many mutants to run. */
export const FACTOR = Number(process.env['CT_MULTILABEL_FUZZ'] ?? 1);

/** Where the sequence of mutants begins. */
export const SEED = seedOf(process.env['CT_MULTILABEL_FUZZ_SEED']);

/** A mutant that takes more of the processor's time hangs; none takes a hundredth of it. */
const MOST_CPU_SECONDS = 20;

/** For one that waits for something that never comes. */
const MOST_SECONDS = 120;

/** How much the process may grow. Slices of up to 64 megapixels are allowed, and take 4 bytes per pixel and more. */
const MOST_GROWTH = 1.5 * 2 ** 30;

/** What became of mutants. */
export interface Outcome {
  accepted: number;
  refused: number;
}

/** What {@link fuzz} does with a mutant. */
export interface FuzzTarget<T> {
  mutants: fc.Arbitrary<T>;
  /** How many, before the factor. */
  count: number;
  /** Reads the mutant, checks what came of it, and disposes it. */
  read: (mutant: T) => unknown;
  /** The only errors that may come of it. */
  refusal: abstract new (...args: never[]) => Error;
  /** What every error must name. */
  names?: string;
}

/**
 * Reads so many mutants: each must be read or refused by the error that is meant for that, and leave no tensor behind.
 * Every file of this room calls {@link watched} first, and {@link itHasReadAll} last.
 */
export async function fuzz<T>({ mutants, count, read, refusal, names }: FuzzTarget<T>): Promise<Outcome> {
  const outcome: Outcome = { accepted: 0, refused: 0 };
  const runs = Math.round(count * FACTOR);
  const property = fc.asyncProperty(mutants, async (mutant) => {
    const tensors = tf.memory().numTensors;
    watchdog?.begin(mutant);
    try {
      await read(mutant);
      outcome.accepted++;
    } catch (error) {
      expect(error).toBeInstanceOf(refusal);
      if (names !== undefined) expect((error as Error).message).toContain(names);
      outcome.refused++;
    } finally {
      watchdog?.idle();
    }
    expect(tf.memory().numTensors, 'tensors').toBe(tensors);
  });
  await fc.assert(property, { numRuns: runs, seed: SEED });
  expect(outcome.accepted + outcome.refused).toBe(runs);
  total.accepted += outcome.accepted;
  total.refused += outcome.refused;
  return outcome;
}

/** Watches the mutants of a file for hanging and for memory, and says in the end what became of them. */
export function watched(file: keyof typeof MUTANTS): void {
  vi.setConfig({ testTimeout: Math.max(1, FACTOR) * 120e3 });
  beforeAll(async () => {
    watchdog = await startWatchdog();
  });
  afterAll(async () => {
    const growth = await watchdog!.end();
    watchdog = undefined;
    const { accepted, refused } = total;
    const memory = `${Math.round(growth / 2 ** 20)} MiB more at most`;
    console.log(`fuzz ${file}, seed ${SEED}: ${accepted} mutants accepted, ${refused} refused, ${memory}`);
    expect(growth, 'growth of the process in bytes').toBeLessThan(MOST_GROWTH);
  });
}

/** A test, the last of its file, that as many mutants were read as {@link MUTANTS} says. */
export function itHasReadAll(file: keyof typeof MUTANTS): void {
  it(`has read ${MUTANTS[file]} mutants, times the factor`, () => {
    expect(total.accepted + total.refused).toBeGreaterThanOrEqual(Math.floor(MUTANTS[file] * FACTOR));
    expect(Object.values(MUTANTS).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(20_000);
  });
}

/** Memory that `read` adds to the process, its largest array buffers included, in bytes. */
export async function growthOf(read: () => unknown): Promise<number> {
  const before = process.memoryUsage();
  watchdog?.resetPeak();
  watchdog?.begin('what growthOf reads');
  await read();
  watchdog?.idle();
  const { arrayBuffers } = process.memoryUsage(); // what is not touched is in no resident memory
  const resident = (await watchdog!.peak()) - before.rss;
  return Math.max(resident, arrayBuffers - before.arrayBuffers);
}

const total: Outcome = { accepted: 0, refused: 0 };
let watchdog: Watchdog | undefined;

interface Watchdog {
  begin(mutant: unknown): void;
  /** Nothing runs that could hang. */
  idle(): void;
  resetPeak(): void;
  peak(): Promise<number>;
  /** Stops watching. @returns by how much the process grew */
  end(): Promise<number>;
}

/** How often memory is looked at. */
const POLL_MS = 20;

const TEXT_BYTES = 64 * 2 ** 10;

/** A thread of its own, since a reader that hangs lets nothing else run in its thread. */
async function startWatchdog(): Promise<Watchdog> {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const peakMib = new Int32Array(new SharedArrayBuffer(4));
  const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  const worker = new Worker(WATCHDOG, {
    eval: true,
    workerData: { count, peakMib, text, POLL_MS, seed: SEED, MOST_CPU_SECONDS, MOST_SECONDS },
  });
  worker.unref();
  await new Promise((resolve) => worker.once('online', resolve));
  const start = process.memoryUsage.rss();
  let highest = 0;
  let begun = 0;
  const encoder = new TextEncoder();
  const scratch = new Uint8Array(TEXT_BYTES);
  const look = () => {
    highest = Math.max(highest, Atomics.load(peakMib, 0), Math.round(process.memoryUsage.rss() / 2 ** 20));
  };
  return {
    begin: (mutant) => {
      const { written } = encoder.encodeInto(fc.stringify(mutant).slice(0, TEXT_BYTES / 4), scratch);
      text.fill(0, written);
      text.set(scratch.subarray(0, written));
      begun = (begun + 1) & 0x7fffffff || 1;
      Atomics.store(count, 0, begun);
    },
    idle: () => Atomics.store(count, 0, 0),
    resetPeak: () => {
      look();
      Atomics.store(peakMib, 0, 0);
    },
    peak: async () => {
      await new Promise((resolve) => setTimeout(resolve, 2 * POLL_MS));
      const reached = Atomics.load(peakMib, 0) * 2 ** 20;
      look();
      return reached;
    },
    end: async () => {
      look();
      await worker.terminate();
      return highest * 2 ** 20 - start;
    },
  };
}

/** JavaScript of the thread that watches. */
const WATCHDOG = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { count, peakMib, text, POLL_MS, seed, MOST_CPU_SECONDS, MOST_SECONDS } = workerData;
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
let ticks = 0;
let last = -1;
let since = { cpu: cpu(), time: Date.now() };
setInterval(() => {
  const mib = Math.round(process.memoryUsage.rss() / 2 ** 20);
  if (mib > Atomics.load(peakMib, 0)) Atomics.store(peakMib, 0, mib);
  if (++ticks % 50 !== 0) return;
  const now = Atomics.load(count, 0);
  if (now !== last || now === 0) {
    last = now;
    since = { cpu: cpu(), time: Date.now() };
    return;
  }
  if (cpu() - since.cpu < MOST_CPU_SECONDS && Date.now() - since.time < MOST_SECONDS * 1e3) return;
  const mutant = new TextDecoder().decode(text.slice()).replace(/\\0+$/, '');
  writeSync(2, 'the mutant hangs (seed ' + seed + '): ' + mutant + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
`;

function seedOf(text: string | undefined): number {
  if (text === 'random') return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(text ?? 1);
  if (!Number.isInteger(seed)) throw new Error(`CT_MULTILABEL_FUZZ_SEED: expected an integer or 'random'`);
  return seed;
}
