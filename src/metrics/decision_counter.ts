import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { resolveOptions } from '../base/options';
import { confusionCounts } from './confusion_counts';
import { checkThreshold, THRESHOLD, type ThresholdOptions } from './decide';
import type { DecisionCounts } from './decision_counts';
import { StreamingMetric } from './streaming_metric';

/**
 * `countDecisions` for tensors, batch by batch: exact for any batching and order. `decisionRates` turns the counts into
 * rates.
 *
 * Keeps four sums on the device and reads nothing back before the result; `dispose()` frees them. Labels are 0, 1, or
 * -1 for "not labelled", which is ignored; values between 0 and 1 add their fraction to both sides. Counts are float32,
 * exact up to 2^24 (16.7 million) entries per label.
 *
 * @throws ArgumentError for an invalid option, shapes that differ, empty tensors or a batch with another number of
 * labels; `result()` also before the first `update()`, and for NaN or a value out of range in a labelled entry.
 *
 * @example
 * ```ts
 * const counter = new DecisionCounter({ threshold: 0.4 });
 * for (const [yTrue, probabilities] of batches) counter.update(yTrue, probabilities);
 * const { recall, specificity } = decisionRates(poolCounts(await counter.result()));
 * counter.dispose();
 * ```
 */
export class DecisionCounter extends StreamingMetric<Required<ThresholdOptions>> {
  constructor(options: ThresholdOptions = {}) {
    const name = 'DecisionCounter';
    super(name, resolveOptions(name, options, { threshold: THRESHOLD }));
  }

  protected override checkFits(what: string, labels: number): void {
    checkThreshold(`${what}: threshold`, this.config.threshold, labels);
  }

  protected override summarize(yTrue: tf.Tensor, probabilities: tf.Tensor): tf.Tensor[] {
    const { tp, fp, fn, tn } = confusionCounts(yTrue, probabilities, this.config.threshold);
    return [tp, fp, fn, tn];
  }

  /** Counts per label over all batches since the start or the last reset. */
  async result(): Promise<DecisionCounts[]> {
    const [sums] = await this.read();
    const [tp, fp, fn, tn] = sums as [
      ArrayLike<number>,
      ArrayLike<number>,
      ArrayLike<number>,
      ArrayLike<number>,
    ];
    return Array.from(tp, (_, label) => {
      const counts = { tp: tp[label]!, fp: fp[label]!, fn: fn[label]!, tn: tn[label]! };
      const areNumbers = Object.values(counts).every(Number.isFinite);
      check(areNumbers, `${this.name}: labels and probabilities`, 'numbers in labelled entries', NaN);
      return counts;
    });
  }
}
