import { problem, type DicomProblem } from '../problems';

/** An axial stack whose lowest value is above the first, or its highest below the second, has no air or no tissue. */
const PLAUSIBLE_LOWEST = -200;
const PLAUSIBLE_HIGHEST = 0;

/** Lowest and highest value. */
export type Range = readonly [lowest: number, highest: number];

/** The range of values, and of those of a range before them. */
export function rangeOf(values: Float32Array, [low, high]: Range = [Infinity, -Infinity]): Range {
  let lowest = low;
  let highest = high;
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return [lowest, highest];
}

/** What is wrong with the range of an axial stack, if anything. */
export function implausibleRange([lowest, highest]: Range, file: string): DicomProblem[] {
  if (lowest <= PLAUSIBLE_LOWEST && highest >= PLAUSIBLE_HIGHEST) return [];
  const message = `values go from ${lowest} to ${highest}: Hounsfield units of a head reach from air to tissue`;
  return [problem('implausible-hu', message, { file })];
}
