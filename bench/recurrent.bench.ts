/**
 * The GRU over slices beside `tf.layers.gru`, on the same backend in the same run:
 *
 *   npx tsx bench/recurrent.bench.ts [wasm|cpu]
 */
import * as tf from '@tensorflow/tfjs';
import { SliceDependencyGRU } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { compare } from './compare';

const [slices, features, units] = [32, 512, 256];

await useBackend((process.argv[2] ?? 'wasm') as 'wasm');
const x = tf.randomNormal([1, slices, features]);
const ours = new SliceDependencyGRU({ units });
const peer = tf.layers.bidirectional({
  layer: tf.layers.gru({ units, returnSequences: true }) as never,
  mergeMode: 'concat',
});

const forward = (layer: tf.layers.Layer) => () => tf.dispose(layer.apply(x) as tf.Tensor);
function step(layer: tf.layers.Layer) {
  layer.apply(x);
  const optimizer = tf.train.adam(1e-4);
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return () => {
    const loss = () => tf.mean(tf.square(layer.apply(x, { training: true }) as tf.Tensor)) as tf.Scalar;
    optimizer.minimize(loss, false, variables);
  };
}

console.log(`${slices} slices, ${features} features, 2 x ${units} units, backend ${tf.getBackend()}`);
compare('forward', { SliceDependencyGRU: forward(ours), 'tf.layers.gru': forward(peer) });
compare('training step', { SliceDependencyGRU: step(ours), 'tf.layers.gru': step(peer) });
