/**
 * The recurrent layers compared with `tf.layers.gru` and `tf.layers.lstm`, with TensorFlow.js's default gates and with the
 * sigmoid, and with PyTorch on one thread:
 *
 *   npx tsx bench/recurrent.bench.ts
 */
import * as tf from '@tensorflow/tfjs';
import { withStockKernels } from './stock_kernels'; // first, since it records the present kernels
import { LabelRNNDecoder, SliceDependencyGRU } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { compare, type Candidate } from './compare';
import { torchPeer } from './torch_peer';

const [slices, features, units] = [32, 512, 256];
const [labels, decoderUnits] = [5, 128];

await useBackend('wasm');
const torch = await torchPeer({ threads: 1 });

const x = tf.randomNormal([1, slices, features]);
const gru = new SliceDependencyGRU({ units });
const tfjsGru = tf.layers.bidirectional({
  layer: tf.layers.gru({ units, returnSequences: true, recurrentActivation: 'sigmoid' }) as never,
  mergeMode: 'concat',
});
const gruParams = { slices, features, units };
const gruSize = `GRU over ${slices} slices, ${features} features, 2 x ${units} units`;

await compare(
  `${gruSize}: forward`,
  {
    SliceDependencyGRU: forward(gru, x),
    'tf.layers.gru': stock(forward(tfjsGru, x)),
    PyTorch: torch?.timer('gru_forward', gruParams),
  },
  { bars: { PyTorch: 0.4 } },
);
await compare(
  `${gruSize}: training step`,
  {
    SliceDependencyGRU: step(gru, x),
    'tf.layers.gru': stock(step(tfjsGru, x)),
    PyTorch: torch?.timer('gru_step', gruParams),
  },
  { bars: { 'tf.layers.gru': 20, PyTorch: 0.4 } },
);
await compare(`${gruSize}: forward and backward`, {
  SliceDependencyGRU: gradients(gru, x),
  'tf.layers.gru': stock(gradients(tfjsGru, x)),
  PyTorch: torch?.timer('gru_gradients', gruParams),
});

// for the decoder, the slices of a patient are a batch
const perSlice = tf.randomNormal([slices, features]);
const decoder = new LabelRNNDecoder({ labels, units: decoderUnits });
const tfjsDecoder = labelDecoderOfTfjs();
const decoderParams = { slices, features, labels, units: decoderUnits };
const decoderSize = `Label decoder over ${slices} slices, ${labels} labels, ${decoderUnits} units`;

await compare(
  `${decoderSize}: forward`,
  {
    LabelRNNDecoder: forward(decoder, perSlice),
    'tf.layers.lstm': stock(forward(tfjsDecoder, perSlice)),
    PyTorch: torch?.timer('decoder_forward', decoderParams),
  },
  { rounds: 21, bars: { 'tf.layers.lstm': 4 } },
);
await compare(
  `${decoderSize}: training step`,
  {
    LabelRNNDecoder: step(decoder, perSlice),
    'tf.layers.lstm': stock(step(tfjsDecoder, perSlice)),
    PyTorch: torch?.timer('decoder_step', decoderParams),
  },
  { rounds: 21, bars: { 'tf.layers.lstm': 4 } },
);
await compare(
  `${decoderSize}: forward and backward`,
  {
    LabelRNNDecoder: gradients(decoder, perSlice),
    'tf.layers.lstm': stock(gradients(tfjsDecoder, perSlice)),
    PyTorch: torch?.timer('decoder_gradients', decoderParams),
  },
  { rounds: 21 },
);
torch?.close();

/** A layer or a model. */
type Trainable = Pick<tf.LayersModel, 'apply' | 'trainableWeights'>;

/** Unmodified TensorFlow.js, without our kernels. */
function stock(run: Candidate): Candidate {
  return () => withStockKernels(run);
}

function forward(layer: Trainable, input: tf.Tensor): Candidate {
  return () => {
    const y = layer.apply(input) as tf.Tensor;
    y.dataSync();
    y.dispose();
  };
}

function step(layer: Trainable, input: tf.Tensor): Candidate {
  const optimizer = tf.train.adam(1e-4);
  return () => {
    optimizer.minimize(() => loss(layer, input), false, variables(layer, input));
  };
}

function gradients(layer: Trainable, input: tf.Tensor): Candidate {
  return () => {
    const { value, grads } = tf.variableGrads(() => loss(layer, input), variables(layer, input));
    tf.dispose([value, grads]);
  };
}

function loss(layer: Trainable, input: tf.Tensor): tf.Scalar {
  return tf.mean(tf.square(layer.apply(input, { training: true }) as tf.Tensor));
}

function variables(layer: Trainable, input: tf.Tensor): tf.Variable[] {
  if (layer.trainableWeights.length === 0) (layer.apply(input) as tf.Tensor).dispose();
  return layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
}

/** The decoder made of TensorFlow.js's layers: the feature sets the state, with one zero input per label and one head for all. */
function labelDecoderOfTfjs(): Trainable {
  const initial = tf.layers.dense({ units: decoderUnits });
  const lstm = tf.layers.lstm({
    units: decoderUnits,
    returnSequences: true,
    recurrentActivation: 'sigmoid',
  });
  const head = tf.layers.dense({ units: 1 });
  const zeroInputs = tf.zeros([slices, labels, 1]);
  const zeroCell = tf.zeros([slices, decoderUnits]);
  return {
    apply(input) {
      return tf.tidy(() => {
        const h = initial.apply(input as tf.Tensor) as tf.Tensor;
        const states = lstm.apply(zeroInputs, { initialState: [h, zeroCell] }) as tf.Tensor;
        return tf.squeeze(head.apply(states) as tf.Tensor, [-1]);
      });
    },
    get trainableWeights() {
      return [initial, lstm, head].flatMap((layer) => layer.trainableWeights);
    },
  };
}
