import type { TrainPatientsOptions } from '../stages/train_patients';

/**
 * Options of `trainPatients` for a model of `variant: 'recommended'`, see `RECOMMENDED_VARIANT`: stacks are reversed
 * and subsampled at random. All other options are the recipe's.
 */
export const RECOMMENDED_TRAINING: Readonly<Pick<TrainPatientsOptions, 'augmentSequence'>> = {
  augmentSequence: { reverse: 0.5, keep: [0.7, 1] },
};
