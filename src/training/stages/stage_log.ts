import type { EarlyStoppingState } from './early_stopping';
import type { RunningScoreState } from './running_score';

/**
 * Progress within an epoch.
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
   * F2 of this epoch's steps so far, on augmented training slices (or patients, if the output is per patient), each
   * before its step, at the threshold of the last validation. Read from the device at the first and last step of an
   * epoch and every half second in between; other steps repeat the last value.
   */
  f2: number;
}

/** Result of an epoch: plain data. */
export interface EpochLog {
  stage: string;
  epoch: number;
  loss: number;
  /**
   * F2 on the (augmented) training slices, or on patients if the model's output is per patient; likewise for
   * validation.
   */
  f2: number;
  validationLoss: number | null;
  validationF2: number;
  /** Threshold of the validation F2, if it is one for all labels. */
  validationThreshold: number | null;
  /** Null for a label that no validation patient has. */
  validationF2PerLabel: (number | null)[];
  /** Whether it is the best epoch so far. */
  best: boolean;
  /** Time the epoch took, validation included. */
  seconds: number;
}

/**
 * State of an interrupted stage, for resuming it.
 *
 * @inline
 */
export interface StageState {
  stopping: EarlyStoppingState;
  history: EpochLog[];
  /** The epoch after the last one in `history`, if it had started. */
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
