import { numberFrom0, oneOf, optional, type Rules } from '../../base/options';

/**
 * Schedule of the learning rate over a stage.
 *
 * @inline
 */
export interface RateSchedule {
  /**
   * Epochs over which the learning rate rises linearly from 0; may be a fraction.
   * @defaultValue 0
   */
  warmupEpochs?: number;
  /**
   * `'cosine'` decays it to 0 at the last of the stage's `epochs`, along half a cosine.
   * @defaultValue 'none'
   */
  decay?: 'none' | 'cosine';
}

export const SCHEDULE_RULES = {
  warmupEpochs: optional(numberFrom0, 0),
  decay: optional(oneOf(['none', 'cosine']), 'none'),
} satisfies Rules<RateSchedule>;

/**
 * Factor on the learning rate.
 *
 * @param done - Epochs done, including the fraction of the current one up to and with the next step.
 * @param epochs - Maximum number of epochs of the stage.
 */
export function rateFactor(
  { warmupEpochs = 0, decay = 'none' }: RateSchedule,
  done: number,
  epochs: number,
): number {
  if (done < warmupEpochs) return done / warmupEpochs;
  if (decay === 'none') return 1;
  const share = (done - warmupEpochs) / Math.max(epochs - warmupEpochs, Number.EPSILON);
  return (1 + Math.cos(Math.PI * Math.min(share, 1))) / 2;
}
