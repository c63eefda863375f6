/**
 * Sums over leading axes on the WebAssembly backend, as in the gradient of a bias, compared with the host's kernel and PyTorch:
 *
 *   npx tsx bench/sum.bench.ts
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { useBackend } from 'ct-multilabel/node';
import { compare } from './compare';
import { torchPeer } from './torch_peer';

const host = tf.getKernel(tf.Sum, 'wasm')!; // before ours replaces it
await useBackend('wasm');
const torch = await torchPeer({ threads: 1 });
for (const [shape, axes] of [
  [
    [4, 224, 224, 64],
    [0, 1, 2],
  ],
  [
    [32, 28, 28, 512],
    [0, 1, 2],
  ],
  [[4096, 5], [0]],
  [
    [4, 224, 224, 64],
    [0, 1, 2, 3],
  ],
] satisfies [number[], number[]][]) {
  const x = tf.randomNormal(shape);
  await compare(`sum of [${shape.join(', ')}] over axes ${axes.join(', ')}`, {
    ours: () => tf.sum(x, axes).dispose(),
    "host's kernel": () => {
      const attrs = { axis: axes, keepDims: false };
      const result = host.kernelFunc({ inputs: { x }, attrs, backend: tf.backend() }) as tf.TensorInfo;
      tf.backend().disposeData(result.dataId);
    },
    PyTorch: torch?.timer('sum', { shape, axes }),
  });
  x.dispose();
}
torch?.close();
