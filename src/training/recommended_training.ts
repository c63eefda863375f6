import type { TrainPatientsOptions } from './train_patients';

/**
 * What {@link trainPatients} takes for a model of `variant: 'recommended'`, see {@link RECOMMENDED_VARIANT}; every other option stays the
 * recipe's.
 */
export const RECOMMENDED_TRAINING: Readonly<
  Pick<TrainPatientsOptions, 'augmentSequence' | 'sliceClassifierWeight'>
> = {
  sliceClassifierWeight: 0.5,
};
