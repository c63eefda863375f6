import * as tf from '@tensorflow/tfjs';
import { confusionCounts } from '../metrics/confusion_counts';
import { fBetaOfCounts } from '../metrics/decision_counts';
import { RunningSums } from '../metrics/running_sums';

/** Decisions counted so far: plain data, for a checkpoint. */
export interface RunningScoreState {
  tp: number;
  fp: number;
  fn: number;
}

/** F2 of an epoch's training steps so far. Counts stay on the device until they are read. */
export class RunningScore {
  private readonly sums = new RunningSums<Record<keyof RunningScoreState, tf.Tensor>>('RunningScore');

  /** @param start - Counts of an epoch that was interrupted. */
  constructor(
    private readonly threshold: number,
    private readonly start: RunningScoreState = { tp: 0, fp: 0, fn: 0 },
  ) {}

  add(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    this.sums.add(yTrue.shape.at(-1)!, probabilities, () => {
      const { tp, fp, fn } = confusionCounts(yTrue, probabilities, { threshold: this.threshold });
      return { tp: tf.sum(tp), fp: tf.sum(fp), fn: tf.sum(fn) };
    });
  }

  async read(): Promise<{ f2: number; counts: RunningScoreState }> {
    const sums = this.sums.get();
    const [tp, fp, fn] = await Promise.all(
      [sums.tp, sums.fp, sums.fn].map(async (sum) => (await sum.data())[0]!),
    );
    const { start } = this;
    const counts = { tp: start.tp + tp!, fp: start.fp + fp!, fn: start.fn + fn! };
    return { f2: fBetaOfCounts(counts) ?? 0, counts };
  }

  dispose(): void {
    this.sums.reset();
  }
}
