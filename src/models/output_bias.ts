import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { SLICE_CLASSIFIER } from './run_parts';

/**
 * Sets the biases of a model's outputs to the labels' log-odds, so that training starts from the labels' frequencies
 * rather than from 0.5: one bias per label if the output layer has that, the pooled log-odds in a decoder's shared
 * head.
 *
 * @param counts - Per label: entries that have it and entries that do not.
 * @throws ArgumentError for a model without an output layer made by `buildCtBrainModel`.
 */
export function setOutputBias(
  model: tf.LayersModel,
  counts: readonly { positives: number; negatives: number }[],
): void {
  const named = new Map(model.layers.map((layer) => [layer.name, layer]));
  // logits of two classifiers may be added: only one of them gets the log-odds
  const outputs = [SLICE_CLASSIFIER, 'classifier', 'label_decoder'].flatMap((name) => named.get(name) ?? []);
  const biases = outputs.flatMap((layer) =>
    layer.weights.filter(({ originalName }) => isOutputBias(originalName)),
  );
  check(biases.length > 0, 'setOutputBias: model', 'a classifier or a label decoder with a bias', model.name);
  biases.forEach((bias, i) => {
    const [size] = bias.shape as [number];
    const expected = `one per label, ${size}`;
    check(size === 1 || size === counts.length, 'setOutputBias: counts', expected, counts.length);
    const groups = size === 1 ? [counts] : counts.map((count) => [count]);
    const values = groups.map((group) => (i === 0 ? logOdds(group) : 0));
    tf.tidy(() => void bias.write(tf.tensor1d(values)));
  });
}

const isOutputBias = (name: string) =>
  name === `${SLICE_CLASSIFIER}/bias` || name === 'classifier/bias' || name === 'label_decoder/head_bias';

/** Log-odds of the pooled entries; half an entry on each side keeps them finite. */
function logOdds(group: readonly { positives: number; negatives: number }[]): number {
  const sum = (side: 'positives' | 'negatives') => group.reduce((total, count) => total + count[side], 0);
  return Math.log((sum('positives') + 0.5) / (sum('negatives') + 0.5));
}
