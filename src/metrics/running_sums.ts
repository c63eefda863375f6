import * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';

/** What a metric adds up over batches: tensors by name, kept on the device until {@link RunningSums.reset}. */
export class RunningSums<S extends object> {
  private labels: number | undefined;
  private sums: S | undefined;

  /** @param name - The metric's, for messages. */
  constructor(private readonly name: string) {}

  /**
   * Adds a batch.
   *
   * @param labels - Its number of labels, the same for all batches.
   * @param summarize - Its sums.
   */
  add(labels: number, probabilities: tf.Tensor, summarize: () => S): void {
    check(
      this.labels === undefined || this.labels === labels,
      `${this.name}.update: probabilities`,
      `${this.labels} labels, as in the batches before`,
      probabilities,
    );
    const before = this.sums;
    const now = tf.tidy((): tf.TensorContainerObject => {
      const batch = summarize();
      if (before === undefined) return { ...batch } as tf.TensorContainerObject;
      const added = Object.entries(batch).map(([key, sum]) => [
        key,
        tf.add(before[key as keyof S] as tf.Tensor, sum),
      ]);
      return Object.fromEntries(added) as tf.TensorContainerObject;
    });
    // kept, so that an update inside a caller's tidy survives it
    for (const tensor of Object.values(now)) tf.keep(tensor as tf.Tensor);
    this.reset();
    this.sums = now as S;
    this.labels = labels;
  }

  /** The sums of all batches since the last reset. */
  get(): S {
    check(this.sums !== undefined, `${this.name}.result`, 'at least one update() before it', 'none');
    return this.sums;
  }

  /** Starts over and frees the sums. */
  reset(): void {
    tf.dispose({ ...this.sums } as tf.TensorContainerObject);
    this.sums = undefined;
    this.labels = undefined;
  }
}
