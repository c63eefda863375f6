import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { checkScores } from './confusion_counts';

/**
 * A metric over a whole epoch, batch by batch: exact for any batching and order, unlike a mean of batch scores.
 *
 * It keeps data on the device, and reads nothing back before the result; `dispose()` frees the data.
 */
export abstract class StreamingMetric<Config extends object> {
  /** Whether batches are summed; otherwise each is kept. */
  protected readonly addsUp: boolean = true;
  private kept: tf.Tensor[][] = [];
  private labels: number | undefined;

  /** @param name - Name for error messages. */
  constructor(
    protected readonly name: string,
    protected readonly config: Config,
  ) {}

  /** The data needed from a batch. */
  protected abstract summarize(yTrue: tf.Tensor, probabilities: tf.Tensor): tf.Tensor[];

  /** Refuses a number of labels that does not match the options. */
  protected checkFits(_what: string, _labels: number): void {}

  /**
   * Adds a batch: labels and probabilities `[..., labels]` of the same shape, whose leading axes may differ between
   * batches.
   *
   * @throws ArgumentError for shapes that differ, empty tensors, or another number of labels than before.
   */
  update(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    const what = `${this.name}.update`;
    const labels = checkScores(what, yTrue, probabilities);
    const same = this.labels === undefined || this.labels === labels;
    check(same, `${what}: probabilities`, `${this.labels} labels, as in the batches before`, probabilities);
    this.checkFits(what, labels);
    const sums = this.addsUp ? this.kept[0] : undefined;
    const next = tf.tidy(() => {
      const batch = this.summarize(yTrue, probabilities);
      return sums ? sums.map((sum, i) => tf.add(sum, batch[i]!)) : batch;
    });
    // kept, so that data added inside a caller's tidy survive it
    for (const tensor of next) tf.keep(tensor);
    if (this.addsUp) this.reset();
    this.kept.push(next);
    this.labels = labels;
  }

  /** Starts over and frees the data. */
  reset(): void {
    tf.dispose(this.kept);
    this.kept = [];
    this.labels = undefined;
  }

  /** Frees the data; the same as `reset`. */
  dispose(): void {
    this.reset();
  }

  /** All options with defaults filled in: plain JSON. */
  getConfig(): Config {
    return { ...this.config };
  }

  /** The data: sums, or each batch. */
  protected batches(): tf.Tensor[][] {
    check(this.kept.length > 0, `${this.name}.result`, 'at least one update() before it', 'none');
    return this.kept;
  }

  /** The values of {@link StreamingMetric.batches}. */
  protected read(): Promise<ArrayLike<number>[][]> {
    return Promise.all(this.batches().map((batch) => Promise.all(batch.map((tensor) => tensor.data()))));
  }
}
