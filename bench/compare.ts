import { appendFileSync } from 'node:fs';

/** Runs once; a returned number is its own time in ms, for peers in other processes. */
export type Candidate = () => unknown;

/** How long a candidate runs before it counts: engines compile in steps, and only code that has run for a while fully. */
const WARM_UP_MS = 1000;
/**
 * How long a candidate runs per round, at least once. If it runs several times, the first does not count: it finds the
 * caches as another candidate left them, whose threads may still poll for work. In a training one step follows the other.
 */
const ROUND_MS = 500;

/** Options of {@link compare}. */
export interface CompareOptions {
  /**
   * Rounds, after {@link WARM_UP_MS} of each candidate.
   * @defaultValue 7
   */
  rounds?: number;
  /** By peer, the targeted ratio of its time to ours: 20 is "20 times as fast", 0.5 "at most twice the time". */
  bars?: Record<string, number>;
  /** Unit by which times are divided, e.g. slices. */
  per?: { count: number; unit: string };
}

/** A measured value other than a time, such as a size or a share. */
export interface Report {
  what: string;
  value: string;
  /** The target of the value, and whether it is met. */
  wanted?: string;
  met?: boolean;
}

/** Times of ours and of its peers. */
export interface Row {
  what: string;
  ours: { name: string; ms: number };
  peers: { name: string; ms: number | null; ratio: number | null; bar: number | null }[];
}

/**
 * Times of ours (the first candidate) and its peers, measured in turns, so that load on the machine affects all alike.
 *
 * A ratio is the median over the rounds of peer / ours. A missing peer (undefined) is reported as skipped.
 */
export async function compare(
  what: string,
  candidates: Record<string, Candidate | undefined>,
  { rounds = 7, bars = {}, per }: CompareOptions = {},
): Promise<Row> {
  const times: Record<string, number[]> = {};
  const here = Object.entries(candidates).filter(
    (entry): entry is [string, Candidate] => entry[1] !== undefined,
  );
  for (const [, run] of here) await meanTime(run, WARM_UP_MS);
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of here)
      (times[name] ??= []).push((await meanTime(run, ROUND_MS)) / (per?.count ?? 1));
  }
  const [ours, ...peers] = Object.keys(candidates) as [string, ...string[]];
  const row: Row = {
    what: per === undefined ? what : `${what}, per ${per.unit}`,
    ours: { name: ours, ms: median(times[ours]!) },
    peers: peers.map((name) => {
      const measured = times[name];
      const bar = bars[name] ?? null;
      if (measured === undefined) return { name, ms: null, ratio: null, bar };
      const ratio = median(measured.map((ms, round) => ms / times[ours]![round]!));
      return { name, ms: median(measured), ratio, bar };
    }),
  };
  console.log(textOf(row));
  keep(row);
  return row;
}

/** Milliseconds per call, over calls that take `atLeast` milliseconds together. */
async function meanTime(run: Candidate, atLeast: number): Promise<number> {
  const times: number[] = [];
  const begun = performance.now();
  do {
    const start = performance.now();
    const own = await run();
    times.push(typeof own === 'number' ? own : performance.now() - start);
  } while (performance.now() - begun < atLeast);
  const counted = times.slice(times.length > 1 ? 1 : 0);
  return counted.reduce((sum, ms) => sum + ms, 0) / counted.length;
}

/** Prints the result. */
export function report(line: Report): void {
  const { what, value, wanted, met } = line;
  console.log(
    `${what}: ${value}${wanted === undefined ? '' : ` (target ${wanted}: ${met ? 'met' : 'NOT MET'})`}`,
  );
  keep(line);
}

/** Prints why something cannot be measured on this machine; figures from another machine are kept. */
export function skip(what: string, why: string): void {
  console.log(`${what}: skipped: ${why}`);
}

/** For the table of bench/run.ts, with four digits. */
function keep(line: Row | Report): void {
  if (!process.env.BENCH_ROWS) return;
  const text = JSON.stringify(line, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
  appendFileSync(process.env.BENCH_ROWS, `${text}\n`);
}

/** A ratio as text: `12.3x as fast`, or `1.8x the time` if the peer is faster; with a name, `12.3x as fast as PyTorch`. */
export function ratioText(ratio: number, peer?: string): string {
  const [text, than] =
    ratio >= 1 ? [`${figure(ratio)}x as fast`, 'as'] : [`${figure(1 / ratio)}x the time`, 'of'];
  return peer === undefined ? text : `${text} ${than} ${peer}`;
}

/** A target as text. */
export function barText(bar: number): string {
  return bar >= 1 ? `at least ${figure(bar)}x as fast` : `at most ${figure(1 / bar)}x the time`;
}

/** Largest difference, relative to the largest expected value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [worst, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return worst / scale;
}

/** Milliseconds with significant digits only. */
export const figure = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function textOf({ what, ours, peers }: Row): string {
  const lines = peers.map(({ name, ms, ratio, bar }) => {
    if (ms === null) return `    ${name}: skipped, not on this machine`;
    const wanted = bar === null ? '' : ` (target ${barText(bar)}: ${ratio! >= bar ? 'met' : 'NOT MET'})`;
    return `    ${name} ${figure(ms)} ms: ours is ${ratioText(ratio!)}${wanted}`;
  });
  return [`${what}: ${ours.name} ${figure(ours.ms)} ms`, ...lines].join('\n');
}

/** The median; of an even number of values, the upper one. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
