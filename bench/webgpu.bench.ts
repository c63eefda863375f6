/**
 * WebGPU: the launches of a training step, and its time and those of its parts, with this library's kernels compared with
 * TensorFlow.js's own, and with PyTorch on CUDA if available:
 *
 *   npx tsx bench/webgpu.bench.ts
 *
 * On a real GPU if `webgpu` is installed and finds one. Otherwise, with Dawn and a software driver once `npm run check:full` has
 * installed them, launches are counted all the same, but times are of small images and not meaningful.
 */
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  affine,
  asymmetricLoss,
  buildCtBrainModel,
  clahe,
  CT_LABELS,
  FusedConv2D,
  LabelRNNDecoder,
  resize,
  SliceDependencyGRU,
  trainStep,
} from 'ct-multilabel';
import { backendReport, useBackend } from 'ct-multilabel/node';
// @ts-expect-error -- a script of the package's checks
import { openSoftwareGpu } from '../scripts/package/software_gpu.mjs';
import { compare, report, skip, type Candidate } from './compare';
import { torchPeer } from './torch_peer';
import { countLaunches, total, type Launches } from './webgpu_launches';

const why = await startWebGpu();
if (why !== undefined) {
  skip('WebGPU', why);
  process.exit(0);
}
const adapter = backendReport().reason.replace(/, as asked for$/, '');
const isSoftware = /swiftshader|llvmpipe|software/i.test(adapter);
report({ what: 'adapter', value: adapter });

const slices = 32;
const size = isSoftware ? 32 : 224;
const rounds = isSoftware ? 2 : 9;
const torch = await torchPeer({ threads: 1, device: 'cuda' });
const ours = tf.getKernelsForBackend('webgpu').filter(({ kernelName }) => /^Ct[A-Z]/.test(kernelName));

const small = () =>
  tf.sequential({
    layers: [
      new FusedConv2D({
        filters: 16,
        kernelSize: 3,
        strides: 4,
        activation: 'relu',
        inputShape: [size, size, 1],
      }),
      tf.layers.globalAveragePooling2d({}),
    ],
  });
countStep('resnet18', 350);
countStep(small(), 120);

const name = isSoftware ? 'one convolution' : 'ResNet18'; // which takes minutes in software
await compare(
  `Training step with ${name}, ${slices} slices ${size} x ${size}`,
  {
    ...besideTheHost(stepOf(isSoftware ? small() : 'resnet18')),
    ...(!isSoftware && {
      'PyTorch, backbone alone': torch?.timer('backbone_step', {
        ...{ backbone: 'resnet18', slices, size, frozenBatchNorm: true },
      }),
    }),
  },
  { rounds },
);

const [features, units] = [512, 256];
const gru = new SliceDependencyGRU({ units });
const x = tf.randomNormal([1, slices, features]);
await compare(
  `GRU over ${slices} slices, ${features} features, 2 x ${units} units: forward and backward`,
  {
    ...besideTheHost(gradients(gru, x)),
    PyTorch: torch?.timer('gru_gradients', { slices, features, units }),
  },
  { rounds },
);
const [labels, decoderUnits] = [5, 128];
const decoder = new LabelRNNDecoder({ labels, units: decoderUnits });
await compare(
  `Label decoder over ${slices} slices, ${labels} labels, ${decoderUnits} units: forward and backward`,
  {
    ...besideTheHost(gradients(decoder, tf.randomNormal([slices, features]))),
    PyTorch: torch?.timer('decoder_gradients', { slices, features, labels, units: decoderUnits }),
  },
  { rounds },
);

const images = tf.randomUniform<tf.Rank.R4>([slices, size, size, 1]);
await compare(
  `CLAHE, ${slices} slices ${size} x ${size}`,
  besideTheHost(() => clahe(images)),
  { rounds },
);
await compare(
  `Rotation and scale, ${slices} slices ${size} x ${size}`,
  besideTheHost(() => affine(images, { angle: 33, scale: 1.2 })),
  { rounds },
);
await compare(
  `Resizing ${slices} slices ${size} x ${size} to half`,
  besideTheHost(() => resize(images, [size / 2, size / 2])),
  { rounds },
);
torch?.close();

/** Why no device is available. */
async function startWebGpu(): Promise<string | undefined> {
  try {
    await useBackend('webgpu');
    return undefined;
  } catch (error) {
    const open = openSoftwareGpu as (
      options: object,
    ) => Promise<{ gpu?: object; globals?: object; why?: string }>;
    const { gpu, globals, why: none } = await open({ install: false });
    if (gpu === undefined) return `${(error as Error).message}; in software: ${none}`;
    Object.assign(globalThis, globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
    await useBackend('webgpu');
    return undefined;
  }
}

/** The step of a patient in one chunk. */
function stepOf(backbone: 'resnet18' | tf.LayersModel, updateBatchNorm = false) {
  const model = buildCtBrainModel({ backbone, inputShape: [size, size, 1], labels: CT_LABELS, seed: 1 });
  const stack = tf.randomUniform([1, slices, size, size, 1]);
  const truth = tf.zeros([1, slices, CT_LABELS.length]);
  const optimizer = adam(1e-4);
  const options = { loss: asymmetricLoss(), chunkSlices: slices, updateBatchNorm };
  return () => trainStep(model, stack, truth, optimizer, options).loss;
}

/** Counts launches without computing. */
function countStep(backbone: 'resnet18' | tf.LayersModel, bar: number): void {
  const name = typeof backbone === 'string' ? 'ResNet18' : 'a backbone of one convolution';
  for (const updateBatchNorm of typeof backbone === 'string' ? [false, true] : [false]) {
    const step = stepOf(backbone, updateBatchNorm);
    const count = () => countLaunches(() => step().dispose(), { compute: false });
    const host = withHostKernels(() => [count(), count()].at(-1)!);
    const [, own] = [count(), count()]; // the first step creates Adam's moments
    const statistics = updateBatchNorm ? ', by statistics of the batch' : '';
    report({
      what: `Launches of a training step of ${slices} slices with ${name}${statistics}`,
      value: `${total(own!)}; ${total(host)} by TensorFlow.js's own kernels`,
      ...(!updateBatchNorm && { wanted: `at most ${bar}`, met: total(own!) <= bar }),
    });
    console.log(`    ours: ${listed(own!)}\n    TensorFlow.js: ${listed(host)}`);
  }
}

function listed(launches: Launches): string {
  return [...launches].map(([name, count]) => `${name} ${count}`).join(', ');
}

/** A candidate that waits for its result, with or without our kernels. */
function besideTheHost(run: () => tf.Tensor): Record<string, Candidate> {
  const finish = async (result: tf.Tensor) => {
    const last = tf.tidy(() => tf.sum(result));
    await last.data();
    tf.dispose([result, last]);
  };
  return {
    'ct-multilabel': () => finish(run()),
    'TensorFlow.js': () => finish(withHostKernels(run)),
  };
}

function withHostKernels<T>(run: () => T): T {
  for (const { kernelName } of ours) tf.unregisterKernel(kernelName, 'webgpu');
  try {
    return run();
  } finally {
    ours.forEach((kernel) => tf.registerKernel(kernel));
  }
}

function gradients(layer: tf.layers.Layer, input: tf.Tensor): () => tf.Tensor {
  const loss = () => tf.mean(tf.square(layer.apply(input, { training: true }) as tf.Tensor)) as tf.Scalar;
  loss().dispose();
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return () => {
    const { value, grads } = tf.variableGrads(loss, variables);
    tf.dispose(grads);
    return value;
  };
}
