import { problem, type DicomProblem } from '../problems';

/**
 * An axial stack whose lowest value is above the first of these has no air; one whose highest is below the second has
 * no tissue.
 */
const PLAUSIBLE_LOWEST = -200;
const PLAUSIBLE_HIGHEST = 0;

/** Lowest and highest value. */
export type Range = readonly [lowest: number, highest: number];

/** The range of values, combined with a previous range. */
export function rangeOf(values: Float32Array, [low, high]: Range = [Infinity, -Infinity]): Range {
  let lowest = low;
  let highest = high;
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return [lowest, highest];
}

/** A problem for an implausible range of an axial stack. */
export function implausibleRange([lowest, highest]: Range, file: string): DicomProblem[] {
  if (lowest <= PLAUSIBLE_LOWEST && highest >= PLAUSIBLE_HIGHEST) return [];
  const message = `values range from ${lowest} to ${highest}, but Hounsfield units of a head range from air to tissue`;
  return [problem('implausible-hu', message, { file })];
}
