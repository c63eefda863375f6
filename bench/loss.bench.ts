/**
 * The asymmetric loss, compared with the authors' formula written in TensorFlow.js operations, this library's own tensor operations
 * (for backends without a kernel), and PyTorch; forward, and forward with backward:
 *
 *   npx tsx bench/loss.bench.ts [wasm|cpu]
 */
import * as tf from '@tensorflow/tfjs';
import { asymmetricLoss } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { composedLoss } from '../src/kernels/asymmetric_loss/composed';
import { compare, type Candidate } from './compare';
import { torchPeer } from './torch_peer';

const TERMS = {
  gammaNeg: 4,
  gammaPos: 1,
  clip: 0.05,
  reduction: 'mean',
  focusWeightIsConstant: false,
} as const;

type Loss = (labels: tf.Tensor, logits: tf.Tensor) => tf.Tensor;

/** The authors' formula written directly, with tfjs's gradients. */
const graph: Loss = (y, x) =>
  tf.tidy(() => {
    const { gammaNeg, gammaPos, clip } = TERMS;
    const absent = tf.sub(1, y);
    const p = tf.sigmoid(x);
    const notP = tf.minimum(tf.add(tf.sub(1, p), clip), 1);
    const entropy = tf.add(
      tf.mul(y, tf.log(tf.maximum(p, 1e-8))),
      tf.mul(absent, tf.log(tf.maximum(notP, 1e-8))),
    );
    const pt = tf.add(tf.mul(p, y), tf.mul(notP, absent));
    const gamma = tf.add(tf.mul(y, gammaPos), tf.mul(absent, gammaNeg));
    return tf.neg(tf.mean(tf.mul(entropy, tf.pow(tf.sub(1, pt), gamma))));
  });

await useBackend((process.argv[2] ?? 'wasm') as 'wasm');
const torch = await torchPeer({ threads: 1 });
const ours: Loss = asymmetricLoss(TERMS);
const operations: Loss = (y, x) => composedLoss(TERMS, y, x);

for (const rows of [32, 4096]) {
  const x = tf.randomNormal([rows, 5], 0, 2, 'float32', 1);
  const y = tf.cast(tf.less(tf.randomUniform([rows, 5], 0, 1, 'float32', 2), 0.2), 'float32');
  const forward = (loss: Loss) => () => loss(y, x).dispose();
  const both = (loss: Loss) => () => tf.dispose(tf.valueAndGrad((z: tf.Tensor) => loss(y, z))(x));
  checkEqual(y, x);

  const repeats = rows < 100 ? 100 : 10;
  for (const [what, run, backward] of [
    ['forward', forward, false],
    ['forward and backward', both, true],
  ] as const) {
    const peer = torch?.timer('asymmetric_loss', { rows, backward, repeats, ...TERMS });
    await compare(
      `asymmetric loss [${rows}, 5] ${what}, ${tf.getBackend()}`,
      {
        asymmetricLoss: repeated(repeats, run(ours)),
        'composed graph': repeated(repeats, run(graph)),
        'own tensor operations': repeated(repeats, run(operations)),
        PyTorch: peer && (async () => ((await peer()) as number) / repeats),
      },
      { rounds: 15, bars: { 'composed graph': 3 } },
    );
  }
}
torch?.close();

/** The mean over many calls, since one is too short to measure. */
function repeated(times: number, run: () => void): Candidate {
  return () => {
    const start = performance.now();
    for (let i = 0; i < times; i++) run();
    return (performance.now() - start) / times;
  };
}

/** Throws if a peer's result differs. */
function checkEqual(y: tf.Tensor, x: tf.Tensor): void {
  const results = [ours, graph, operations].map((loss) => tf.valueAndGrad((z: tf.Tensor) => loss(y, z))(x));
  for (const { value, grad } of results.slice(1)) {
    const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(grad, results[0]!.grad))).dataSync()[0]!);
    const largest = tf.tidy(() => tf.max(tf.abs(grad)).dataSync()[0]!);
    const off = Math.abs(value.dataSync()[0]! / results[0]!.value.dataSync()[0]! - 1);
    if (!(off < 1e-4 && difference < 1e-4 * largest)) throw new Error(`losses differ: ${off}, ${difference}`);
  }
  tf.dispose(results);
}
