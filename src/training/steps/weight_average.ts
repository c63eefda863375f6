import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';

/**
 * The mean of a model's weights at several points of its training, which often does better than any one of them.
 *
 * @example
 * ```ts
 * const average = new WeightAverage(model);
 * await trainPatients(model, { train, validation, seed: 1, epochs: 40, patience: 40,
 *   onEpochEnd: ({ epoch }) => { if (epoch > 30) average.add(); } });
 * average.apply(); // the mean of the last ten epochs
 * average.dispose();
 * ```
 * @see Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
 */
export class WeightAverage {
  private sums: tf.Tensor[] = [];
  private added = 0;

  /**
   * @param model - The model whose weights are averaged, including those that do not train (statistics of batch
   * normalisation).
   */
  constructor(private readonly model: tf.LayersModel) {}

  /** How many times weights were added. */
  get count(): number {
    return this.added;
  }

  /** Adds the current weights. */
  add(): void {
    const weights = this.model.getWeights();
    const before = this.sums;
    this.sums = weights.map((weight, i) => {
      const sum = before[i];
      return tf.keep(sum ? tf.add(sum, weight) : weight.clone());
    });
    tf.dispose(before);
    this.added++;
  }

  /**
   * Sets the model's weights to the mean of those added.
   *
   * @throws ArgumentError if none were added.
   */
  apply(): void {
    check(this.added > 0, 'WeightAverage: apply', 'a call of add() before it', this.added);
    tf.tidy(() => this.model.setWeights(this.sums.map((sum) => tf.div(sum, this.added))));
  }

  /** Frees the sums; the model is not changed. */
  dispose(): void {
    tf.dispose(this.sums);
    this.sums = [];
    this.added = 0;
  }
}
