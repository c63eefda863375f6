/**
 * Whole backbones at 224x224, forward and a training step with Adam, on a number of threads:
 *
 *   npx tsx bench/convolution.bench.ts [threads]
 */
import { relativeDifference, compare, report } from './compare';
import { stockModel, withStockKernels } from './stock_kernels'; // first, since it records the present kernels
import * as tf from '@tensorflow/tfjs';
import { adam, resnet18, squeezenet1_1, vgg16 } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { vgg16Onnx } from './onnx_model';
import { onnxPeer } from './onnx_peers';
import { torchPeer } from './torch_peer';

const threads = Number(process.argv[2] ?? 1);
const size = 224;
await useBackend('wasm', { threads });
const torch = await torchPeer({ threads });
const onThreads = threads === 1 ? '1 thread' : `${threads} threads`;

await forward();
// batch normalisation with stored statistics, as in the stage on whole patients
await step('vgg16', vgg16, 4, { PyTorch: threads === 1 ? 1 / 3.5 : 1 / 2 });
const PATIENT = 32;
for (const [name, build] of Object.entries({ resnet18, squeezenet1_1 })) {
  // few slices, whose time the transforms of the filters dominate, and a patient's
  await step(name, build, 4, { 'composed tfjs ops': 3 });
  await step(name, build, PATIENT, threads === 1 ? {} : { PyTorch: 1 });
}
torch?.close();
process.exit(0);

async function forward(): Promise<void> {
  const slices = 4;
  const model = vgg16({ inputShape: [size, size, 3], seed: 1 });
  const stock = await stockModel(model);
  const x = tf.randomNormal([slices, size, size, 3], 0, 1, 'float32', 2);
  const ours = () => tf.tidy(() => (model.predict(x) as tf.Tensor).dataSync());
  const host = () => withStockKernels(() => tf.tidy(() => (stock.predict(x) as tf.Tensor).dataSync()));

  const shape = [slices, 3, size, size];
  const images = tf.tidy(() => tf.transpose(x, [0, 3, 1, 2]).dataSync<'float32'>());
  const onnx = { model: vgg16Onnx(model, slices, size), images, shape, threads };
  const [native, web] = [await onnxPeer('onnxruntime-node', onnx), await onnxPeer('onnxruntime-web', onnx)];

  const expected = host();
  await native?.run();
  await web?.run();
  for (const [name, values] of Object.entries({
    ours: ours(),
    native: native?.output(),
    web: web?.output(),
  })) {
    if (values && relativeDifference(values, expected) > 1e-4) throw new Error(`${name}: another result`);
  }
  report({
    what: 'VGG16 forward, ours beside the host’s, largest difference relative to the largest value',
    value: relativeDifference(ours(), expected).toExponential(1),
  });
  await compare(
    `VGG16 forward, ${onThreads}`,
    {
      'ct-multilabel': ours,
      'tfjs wasm, which has 1 thread': host,
      'onnxruntime-web': web?.run,
      'onnxruntime-node': native?.run,
      PyTorch: torch?.timer('backbone_forward', { backbone: 'vgg16', slices, size }),
    },
    {
      per: { count: slices, unit: 'slice' },
      bars: { 'tfjs wasm, which has 1 thread': threads === 1 ? 2.5 : 5 },
    },
  );
  tf.dispose(x);
  for (const { weights } of [model, stock]) weights.forEach((weight) => weight.dispose());
}

async function step(
  name: string,
  build: typeof vgg16,
  slices: number,
  bars: Record<string, number>,
): Promise<void> {
  const model = build({ inputShape: [size, size, 3], seed: 1 });
  const stock = await stockModel(model);
  const x = tf.randomNormal([slices, size, size, 3], 0, 1, 'float32', 2);
  const trainerOf = (trained: tf.LayersModel, optimizer: tf.Optimizer) => () => {
    const cost = optimizer.minimize(
      () => tf.mean(tf.square(trained.apply(x) as tf.Tensor)) as tf.Scalar,
      true,
    );
    cost!.dataSync();
    cost!.dispose();
  };
  const ours = trainerOf(model, adam(1e-4));
  const composed = trainerOf(stock, tf.train.adam(1e-4));
  // composed of tfjs ops, VGG16 takes several seconds per slice, and a patient half a minute
  const slow = name === 'vgg16' || slices === PATIENT;
  await compare(
    `${name} training step of ${slices} slices, ${onThreads}`,
    {
      'ct-multilabel': ours,
      ...(slow ? {} : { 'composed tfjs ops': () => withStockKernels(composed) }),
      PyTorch: torch?.timer('backbone_step', { backbone: name, slices, size, frozenBatchNorm: true }),
    },
    { per: { count: slices, unit: 'slice' }, bars, rounds: 5 },
  );
  tf.dispose(x);
  for (const { weights } of [model, stock]) weights.forEach((weight) => weight.dispose());
}
