import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';
import { checkScores } from './confusion_counts';
import { sideOf, type LabelledScores } from './labelled_scores';

/**
 * Scores of every labelled entry of an epoch, batch by batch: 4 bytes each, outside tensors.
 *
 * What depends on the order of all scores cannot be summed up batch by batch, so that each has to be kept.
 */
export class ScoreStore {
  private columns: Record<keyof LabelledScores, GrowingFloat32>[] | undefined;

  /** @param fn - Who asks, for messages. */
  constructor(private readonly fn: string) {}

  /** Adds the entries of a batch: tensors `[..., labels]`, read back and not disposed. */
  async update(yTrue: tf.Tensor, scores: tf.Tensor): Promise<void> {
    const fn = `${this.fn}.update`;
    const labels = checkScores(fn, yTrue, scores);
    this.columns ??= Array.from({ length: labels }, () => ({
      positives: new GrowingFloat32(),
      negatives: new GrowingFloat32(),
    }));
    const { columns } = this;
    check(
      columns.length === labels,
      `${fn}: scores`,
      `${columns.length} labels, as in the batches before`,
      scores,
    );
    const [truth, values] = await Promise.all([yTrue.data(), scores.data()]);
    // a batch is taken whole or not at all
    const sides = Array.from(values, (score, i) => sideOf(fn, truth[i]!, score, 'score'));
    sides.forEach((side, i) => {
      if (side) columns[i % labels]![side].push(values[i]!);
    });
  }

  /** What was kept, one record a label. */
  result(): LabelledScores[] {
    const { columns } = this;
    check(columns !== undefined, `${this.fn}.result`, 'at least one update() before it', 'none');
    return columns.map(({ positives, negatives }) => ({
      positives: positives.values(),
      negatives: negatives.values(),
    }));
  }

  /** Forgets everything. */
  reset(): void {
    this.columns = undefined;
  }
}

/** A Float32Array that doubles when it is full. */
class GrowingFloat32 {
  private data = new Float32Array(64);
  private length = 0;

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Float32Array(2 * this.data.length);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }

  values(): Float32Array {
    return this.data.subarray(0, this.length);
  }
}
