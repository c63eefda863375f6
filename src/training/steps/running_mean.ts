import * as tf from '@tensorflow/tfjs';

/** The running mean of a model's weights over epochs, which can temporarily replace them. */
export class RunningMean {
  private mean: tf.Tensor[] = [];
  private own: tf.Tensor[] = [];
  private epochs = 0;

  constructor(private readonly span: number) {}

  swapIn(model: tf.LayersModel): void {
    if (this.span === 1) return;
    const share = 1 / Math.min(++this.epochs, this.span);
    const [before, weights] = [this.mean, model.getWeights()];
    this.own = weights.map((weight) => tf.keep(weight.clone()));
    this.mean = weights.map((weight, i) =>
      tf.keep(
        tf.tidy(() =>
          before[i] ? tf.add(before[i], tf.mul(tf.sub(weight, before[i]), share)) : weight.clone(),
        ),
      ),
    );
    tf.dispose(before);
    model.setWeights(this.mean);
  }

  swapOut(model: tf.LayersModel): void {
    if (this.span === 1) return;
    model.setWeights(this.own);
    tf.dispose(this.own);
    this.own = [];
  }

  dispose(): void {
    tf.dispose([this.mean, this.own]);
  }
}
