import type { PatientSource } from './source_types';

/**
 * Which channels of a source's images are of the slice itself, `[begin, end)`: all of them, but where each slice has its neighbours as
 * further channels (`neighborSlices`) those in the middle. The first are then of another slice.
 */
export function ownChannels(
  { preprocessing }: Pick<PatientSource, 'preprocessing'>,
  channels: number,
): readonly [begin: number, end: number] {
  const { neighbors = 0 } = (preprocessing ?? {}) as { neighbors?: number };
  const each = channels / (2 * neighbors + 1);
  return [neighbors * each, (neighbors + 1) * each];
}
