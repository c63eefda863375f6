import * as tf from '@tensorflow/tfjs';

/** The mean of the gradients of several batches. */
export class GradientSum {
  private sums: tf.NamedTensorMap = {};
  private added = 0;

  add(gradients: tf.NamedTensorMap): void {
    for (const [name, gradient] of Object.entries(gradients)) {
      const sum = this.sums[name];
      this.sums[name] = tf.keep(sum ? tf.add(sum, gradient) : gradient.clone());
      sum?.dispose();
    }
    this.added++;
  }

  /** Passes the mean to `take`, and starts over. */
  use(take: (gradients: tf.NamedTensorMap) => void): void {
    const { added, sums } = this;
    tf.tidy(() => {
      const mean = Object.entries(sums).map(([name, sum]) => [name, added === 1 ? sum : tf.div(sum, added)]);
      take(Object.fromEntries(mean) as tf.NamedTensorMap);
    });
    this.dispose();
  }

  dispose(): void {
    tf.dispose(this.sums);
    this.sums = {};
    this.added = 0;
  }
}
