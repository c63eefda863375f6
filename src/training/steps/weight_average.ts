import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';

/**
 * The mean of a model's weights over several moments of its training, which often does better than any one of them.
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

  /** @param model - Whose weights are averaged; those that do not train (statistics of batch normalisation) too. */
  constructor(private readonly model: tf.LayersModel) {}

  /** How many times the weights were taken. */
  get count(): number {
    return this.added;
  }

  /** Takes the weights as they are now. */
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
   * Gives the model the mean of the weights that were taken.
   *
   * @throws ArgumentError where none were.
   */
  apply(): void {
    check(this.added > 0, 'WeightAverage: apply', 'weights taken by add() before', this.added);
    tf.tidy(() => this.model.setWeights(this.sums.map((sum) => tf.div(sum, this.added))));
  }

  /** Frees the sums; the model stays as it is. */
  dispose(): void {
    tf.dispose(this.sums);
    this.sums = [];
    this.added = 0;
  }
}
