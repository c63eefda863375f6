import type { PatientSource } from './source_types';

/**
 * The channels of a source's images that belong to the slice itself, `[begin, end)`: all of them, or those in the middle
 * if its neighbours are channels too (`neighborSlices`).
 */
export function ownChannels(
  { preprocessing }: Pick<PatientSource, 'preprocessing'>,
  channels: number,
): readonly [begin: number, end: number] {
  const { neighbors = 0 } = (preprocessing ?? {}) as { neighbors?: number };
  const each = channels / (2 * neighbors + 1);
  return [neighbors * each, (neighbors + 1) * each];
}
