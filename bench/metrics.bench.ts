/**
 * F-beta over an epoch, batch by batch, compared with reading every batch back and counting there, and with the same counts in
 * TensorFlow.js operations:
 *
 *   npx tsx bench/metrics.bench.ts [wasm|cpu]
 *
 * On these two backends tensors are in the host's memory and reading back costs almost nothing, so that this measures the
 * cost of not reading back. On a GPU each read waits for the device.
 */
import * as tf from '@tensorflow/tfjs';
import { fBetaScore, FBetaScore } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { compare, type Candidate } from './compare';

await useBackend((process.argv[2] ?? 'wasm') as 'wasm');

for (const rows of [32, 4096]) {
  const p = tf.randomUniform([rows, 5], 0, 1, 'float32', 1);
  const y = tf.cast(tf.less(tf.randomUniform([rows, 5], 0, 1, 'float32', 2), 0.2), 'float32');
  const updates = rows < 100 ? 200 : 20;
  const expected = scalar(fBetaScore(y, p)); // equal for equal batches as for one
  const timed = (epoch: () => number) => perUpdate(updates, expected, epoch);
  await compare(
    `F2 of ${updates} batches [${rows}, 5], ${tf.getBackend()}, per update`,
    {
      FBetaScore: timed(() => {
        const metric = new FBetaScore();
        for (let i = 0; i < updates; i++) metric.update(y, p);
        const value = scalar(metric.result());
        metric.dispose();
        return value;
      }),
      'reading each batch back': timed(() => {
        let [tp, fp, fn] = [0, 0, 0];
        for (let i = 0; i < updates; i++) {
          const [labels, probabilities] = [y.dataSync(), p.dataSync()];
          for (let k = 0; k < labels.length; k++) {
            const found = probabilities[k]! >= 0.5;
            if (labels[k] === 1) {
              if (found) tp++;
              else fn++;
            } else if (labels[k] === 0 && found) fp++;
          }
        }
        return (5 * tp) / (5 * tp + 4 * fn + fp);
      }),
      'counts in operations': timed(() => {
        let sums: tf.Tensor[] = [0, 0, 0].map(() => tf.scalar(0));
        for (let i = 0; i < updates; i++) {
          const counts = tf.tidy(() => {
            const found = tf.cast(tf.greaterEqual(p, 0.5), 'float32');
            const labelled = tf.cast(tf.notEqual(y, -1), 'float32');
            const present = tf.mul(y, labelled);
            const absent = tf.sub(labelled, present);
            const parts = [tf.mul(present, found), tf.mul(absent, found), tf.mul(present, tf.sub(1, found))];
            return parts.map((part, kind) => tf.add(sums[kind]!, tf.sum(part)));
          });
          tf.dispose(sums);
          sums = counts;
        }
        const [tp, fp, fn] = sums.map(scalar) as [number, number, number];
        return (5 * tp) / (5 * tp + 4 * fn + fp);
      }),
    },
    { rounds: 15 },
  );
}

/** Time of an epoch per update. */
function perUpdate(updates: number, expected: number, epoch: () => number): Candidate {
  return () => {
    const start = performance.now();
    const score = epoch();
    const ms = (performance.now() - start) / updates;
    if (Math.abs(score / expected - 1) > 1e-5) throw new Error(`scores differ: ${score}, ${expected}`);
    return ms;
  };
}

function scalar(tensor: tf.Tensor): number {
  const value = tensor.dataSync()[0]!;
  tensor.dispose();
  return value;
}
