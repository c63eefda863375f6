import type { EarlyStoppingState } from './early_stopping';
import type { RunningScoreState } from './running_score';

/**
 * Where a stage stands in an epoch.
 *
 * @inline
 */
export interface TrainingProgress {
  stage: string;
  /** Counted from 1. */
  epoch: number;
  epochs: number;
  /** Steps done in this epoch. */
  step: number;
  steps: number;
  /** Mean loss of this epoch's steps so far. */
  loss: number;
  /**
   * F2 of this epoch's steps so far, on augmented training slices (or patients, where the output is of those), each before its step, at
   * the threshold of the last validation. Read from the device at the first and last step of an epoch and every half second in
   * between; other steps repeat the last reading.
   */
  f2: number;
}

/** What an epoch came to: plain data. */
export interface EpochLog {
  stage: string;
  epoch: number;
  loss: number;
  /** F2 on the (augmented) training slices, or patients where the model's output is of those; so is the validation's. */
  f2: number;
  validationLoss: number | null;
  validationF2: number;
  /** Threshold that the validation F2 is at, where it is one for all labels. */
  validationThreshold: number | null;
  /** Null for a label that no validation patient has. */
  validationF2PerLabel: (number | null)[];
  /** Whether it is the best epoch so far. */
  best: boolean;
  /** Time the epoch took, validation included. */
  seconds: number;
}

/**
 * Where an interrupted stage stood, for going on with it.
 *
 * @inline
 */
export interface StageState {
  stopping: EarlyStoppingState;
  history: EpochLog[];
  /** The epoch after the last one in `history`, where it had begun. */
  partial?: PartialEpoch;
}

/**
 * Steps done in an epoch that has not ended.
 *
 * @inline
 */
export interface PartialEpoch extends RunningScoreState {
  step: number;
  lossSum: number;
}
