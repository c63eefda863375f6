/**
 * One step of Adam over the variables of VGG16's convolutions (14.7 million weights), compared with `tf.train.adam` and PyTorch:
 *
 *   npx tsx bench/optimizer.bench.ts [wasm|cpu]
 */
import * as tf from '@tensorflow/tfjs';
import { adam } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { compare } from './compare';
import { torchPeer } from './torch_peer';

const CHANNELS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
const shapes = CHANNELS.slice(1).flatMap((filters, i) => [[3, 3, CHANNELS[i]!, filters], [filters]]);
const count = shapes.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0);

await useBackend((process.argv[2] ?? 'wasm') as 'wasm');
const torch = await torchPeer({ threads: 1 });
checkEqual();
await compare(
  `Adam's step over ${(count / 1e6).toFixed(1)} million weights, ${tf.getBackend()}`,
  {
    adam: stepOf(adam(1e-4)).run,
    'tf.train.adam': stepOf(tf.train.adam(1e-4)).run,
    PyTorch: torch?.timer('adam', { shapes }),
  },
  { rounds: 9 },
);
torch?.close();

function stepOf(optimizer: tf.Optimizer, sizes = shapes) {
  const variables = tf.tidy(() =>
    sizes.map((shape, i) => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', i + 1))),
  );
  const gradients = Object.fromEntries(
    variables.map(({ name, shape }, i) => [name, tf.randomNormal(shape, 0, 1, 'float32', 100 + i)]),
  );
  return { variables, run: () => optimizer.applyGradients(gradients) };
}

/** Throws if a peer's result differs. */
function checkEqual(): void {
  const [ours, peer] = [adam(1e-2), tf.train.adam(1e-2)].map((optimizer) => stepOf(optimizer, [[50, 3]]));
  for (let i = 0; i < 3; i++) [ours!, peer!].forEach(({ run }) => run());
  const difference = tf.tidy(() =>
    tf.max(tf.abs(tf.sub(ours!.variables[0]!, peer!.variables[0]!))).dataSync(),
  )[0]!;
  if (!(difference < 1e-6)) throw new Error(`weights differ by ${difference}`);
}
