import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';

/** Where early stopping stands: plain data, for a checkpoint. */
export interface EarlyStoppingState {
  /** Epoch of the best score, counted from 1; 0 for the weights that the training started from. */
  bestEpoch: number;
  /** The best score so far; null before the first. */
  best: number | null;
  /** Loss at the best score; null where none was given. */
  bestLoss: number | null;
  /** Epochs seen. */
  epoch: number;
}

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions {
  /**
   * Score that is reached without looking at an image: as long as no epoch exceeds it, no epoch counts against the patience.
   * @defaultValue none
   */
  baseline?: number;
  /**
   * Score that the training should not end below: an epoch that reaches it is better than any that does not.
   * @defaultValue none
   */
  floor?: number;
  /** Where an interrupted training stood, or what the weights score that it starts from. */
  state?: EarlyStoppingState;
}

/**
 * Stops a training when the validation score has not risen for `patience` epochs.
 *
 * Of epochs with equal scores, the one with the smaller loss is better. A score from few patients is noisy, and the largest of many
 * noisy ones is luck: scores that differ by no more than the noise can be taken for equal.
 *
 * @example
 * ```ts
 * const stopping = new EarlyStopping(5);
 * while (!stopping.stop) {
 *   // an epoch of training, then
 *   const { f2, loss } = await evaluatePatients(model, validation, { thresholds: 'best', loss: asymmetricLoss() });
 *   if (stopping.update(f2, loss)) await model.save('indexeddb://best');
 * }
 * ```
 */
export class EarlyStopping {
  private current: EarlyStoppingState;
  private readonly baseline: number;
  private readonly floor: number;

  /** @param patience - Epochs without a better score before stopping. */
  constructor(
    readonly patience: number,
    options: EarlyStoppingOptions = {},
  ) {
    check(isPositiveInteger(patience), 'EarlyStopping: patience', 'a positive integer', patience);
    checkKnownKeys(options, ['baseline', 'floor', 'state'], 'EarlyStopping');
    const { baseline = -Infinity, floor = -Infinity, state = START } = options;
    check(!Number.isNaN(baseline), 'EarlyStopping: baseline', 'a number', baseline);
    check(!Number.isNaN(floor), 'EarlyStopping: floor', 'a number', floor);
    this.baseline = baseline;
    this.floor = floor;
    this.current = { ...state };
  }

  /**
   * Takes an epoch's score, higher being better, and its loss; says whether it is the best so far.
   *
   * @param noise - Scores that differ from the best by no more than this count as equal to it.
   */
  update(score: number, loss?: number, noise = 0): boolean {
    check(!Number.isNaN(score), 'EarlyStopping: score', 'a number', score);
    check(!Number.isNaN(loss), 'EarlyStopping: loss', 'a number', loss);
    const { best, bestLoss, epoch: before } = this.current;
    const epoch = before + 1;
    check(noise >= 0, 'EarlyStopping: noise', 'a number of at least 0', noise);
    const better = best === null || this.isBetter(score, loss, best, bestLoss, noise);
    this.current = better
      ? { epoch, bestEpoch: epoch, best: score, bestLoss: loss ?? null }
      : { ...this.current, epoch };
    return better;
  }

  private isBetter(
    score: number,
    loss: number | undefined,
    best: number,
    bestLoss: number | null,
    noise: number,
  ): boolean {
    const [reaches, bestReaches] = [score >= this.floor, best >= this.floor];
    if (reaches !== bestReaches) return reaches;
    if (loss === undefined || bestLoss === null) return score > best;
    return Math.abs(score - best) <= noise ? loss < bestLoss : score > best;
  }

  /** Whether to stop now. */
  get stop(): boolean {
    const { best, bestEpoch, epoch } = this.current;
    return best !== null && best > this.baseline && epoch - bestEpoch >= this.patience;
  }

  get state(): EarlyStoppingState {
    return { ...this.current };
  }
}

const START: EarlyStoppingState = { bestEpoch: 0, best: null, bestLoss: null, epoch: 0 };
