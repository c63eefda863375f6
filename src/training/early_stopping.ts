import { check, isPositiveInteger } from '../base/errors';

/** Where early stopping stands: plain data, for a checkpoint. */
export interface EarlyStoppingState {
  /** Epoch of the best score, counted from 1; 0 before the first. */
  bestEpoch: number;
  /** The best score so far. */
  best: number;
  /** Epochs seen. */
  epoch: number;
}

/**
 * Stops a training when the validation score has not risen for `patience` epochs.
 *
 * @example
 * ```ts
 * const stopping = new EarlyStopping(5);
 * while (!stopping.stop) {
 *   // an epoch of training, then
 *   const { f2 } = await evaluatePatients(model, validation);
 *   if (stopping.update(f2)) await model.save('indexeddb://best');
 * }
 * ```
 */
export class EarlyStopping {
  private current: EarlyStoppingState;

  /**
   * @param patience - Epochs without a better score before stopping.
   * @param state - Where an interrupted training stood.
   */
  constructor(
    readonly patience: number,
    state: EarlyStoppingState = { bestEpoch: 0, best: -Infinity, epoch: 0 },
  ) {
    check(isPositiveInteger(patience), 'EarlyStopping: patience', 'a positive integer', patience);
    this.current = { ...state };
  }

  /** Takes an epoch's score, higher being better, and tells whether it is the best so far. */
  update(score: number): boolean {
    check(!Number.isNaN(score), 'EarlyStopping: score', 'a number', score);
    const epoch = this.current.epoch + 1;
    const better = this.current.bestEpoch === 0 || score > this.current.best;
    this.current = better ? { epoch, bestEpoch: epoch, best: score } : { ...this.current, epoch };
    return better;
  }

  /** Whether to stop now. */
  get stop(): boolean {
    const { bestEpoch, epoch } = this.current;
    return bestEpoch > 0 && epoch - bestEpoch >= this.patience;
  }

  get state(): EarlyStoppingState {
    return { ...this.current };
  }
}
