import { check } from '../../base/checks';
import { anything, integerFrom0, optional, positiveInteger, resolveOptions, rule } from '../../base/options';
import type { Rules } from '../../base/options';

/**
 * State of early stopping: plain data, for a checkpoint.
 *
 * @inline
 */
export interface EarlyStoppingState {
  /** Epoch of the best score, counted from 1; 0 for the initial weights. */
  bestEpoch: number;
  /** The best score so far; null before the first. */
  best: number | null;
  /** Loss at the best score; null if none was given. */
  bestLoss: number | null;
  /** Number of epochs so far. */
  epoch: number;
}

/**
 * Options of {@link EarlyStopping}.
 *
 * @inline
 */
export interface EarlyStoppingOptions {
  /**
   * Score of a predictor that never looks at an image: as long as no epoch exceeds it, epochs do not count towards the
   * patience.
   * @defaultValue none
   */
  baseline?: number;
  /**
   * Number of initial epochs to ignore: none of them can be the best, and none counts towards the patience.
   * @defaultValue 0
   */
  startFromEpoch?: number;
  /** State of an interrupted training, or the score of the initial weights. */
  state?: EarlyStoppingState;
}

const BASELINE = rule<number>('a number', (value) => typeof value === 'number' && !Number.isNaN(value));

const RULES = {
  baseline: optional(BASELINE, -Infinity),
  startFromEpoch: optional(integerFrom0, 0),
  state: optional<EarlyStoppingState>(anything, { bestEpoch: 0, best: null, bestLoss: null, epoch: 0 }),
} satisfies Rules<EarlyStoppingOptions>;

/**
 * Stops training when the validation score has not increased for `patience` epochs.
 *
 * Of epochs with equal scores, the one with the smaller loss is better.
 *
 * @example
 * ```ts
 * const stopping = new EarlyStopping(5);
 * while (!stopping.stop) {
 *   // an epoch of training, then
 *   const { f2, loss } = await evaluatePatients(model, validation, { threshold: 'best', loss: asymmetricLoss() });
 *   if (stopping.update(f2, loss)) await model.save('indexeddb://best');
 * }
 * ```
 */
export class EarlyStopping {
  private current: EarlyStoppingState;
  private readonly baseline: number;
  private readonly startFromEpoch: number;

  /** @param patience - Epochs without a better score before stopping. */
  constructor(
    readonly patience: number,
    options: EarlyStoppingOptions = {},
  ) {
    positiveInteger.check(patience, 'EarlyStopping: patience');
    const { baseline, startFromEpoch, state } = resolveOptions('EarlyStopping', options, RULES);
    this.baseline = baseline;
    this.startFromEpoch = startFromEpoch;
    this.current = { ...state };
  }

  /** Adds an epoch's score (higher is better) and loss; returns whether it is the best so far. */
  update(score: number, loss?: number): boolean {
    check(!Number.isNaN(score), 'EarlyStopping: score', 'a number', score);
    check(!Number.isNaN(loss), 'EarlyStopping: loss', 'a number', loss);
    const { best, bestLoss, epoch: before } = this.current;
    const epoch = before + 1;
    const lower = loss !== undefined && bestLoss !== null && loss < bestLoss;
    const above = best === null || score > best || (score === best && lower);
    const better = above && epoch > this.startFromEpoch;
    this.current = better
      ? { epoch, bestEpoch: epoch, best: score, bestLoss: loss ?? null }
      : { ...this.current, epoch };
    return better;
  }

  /** Whether to stop now. */
  get stop(): boolean {
    const { best, bestEpoch, epoch } = this.current;
    const waited = epoch - Math.max(bestEpoch, this.startFromEpoch);
    return best !== null && best > this.baseline && waited >= this.patience;
  }

  get state(): EarlyStoppingState {
    return { ...this.current };
  }
}
