import type * as tf from '@tensorflow/tfjs';
import { DecisionCounter } from '../../metrics/decision_counter';
import { fBetaOf, poolCounts } from '../../metrics/decision_counts';

/** Decisions counted so far: plain data, for a checkpoint. */
export interface RunningScoreState {
  tp: number;
  fp: number;
  fn: number;
}

/** F2 of an epoch's training steps so far. Counts stay on the device until they are read. */
export class RunningScore {
  private readonly counter: DecisionCounter;

  /** @param start - Counts of an interrupted epoch. */
  constructor(
    threshold: number,
    private readonly start: RunningScoreState = { tp: 0, fp: 0, fn: 0 },
  ) {
    this.counter = new DecisionCounter({ threshold });
  }

  add(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    this.counter.update(yTrue, probabilities);
  }

  async read(): Promise<{ f2: number; counts: RunningScoreState }> {
    const { start } = this;
    const { tp, fp, fn } = poolCounts(await this.counter.result());
    const counts = { tp: start.tp + tp, fp: start.fp + fp, fn: start.fn + fn };
    return { f2: fBetaOf(counts) ?? 0, counts };
  }

  dispose(): void {
    this.counter.dispose();
  }
}
