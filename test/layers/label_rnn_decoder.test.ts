import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/backends/wasm/training_kernels';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { LabelRNNDecoder } from '../../src/layers/label_rnn_decoder';
import { SliceDependencyGRU } from '../../src/layers/slice_dependency_gru';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose } from '../support/matchers';
import { expectTorchGradients, stateDictOf } from '../support/torch';

// on wasm the compiled kernels are tested, on cpu what is composed of tfjs's operations
beforeAll(async () => {
  await tf.setBackend('wasm');
  expect(registerWasmTrainingKernels()).toBe(true);
});

describe('LabelRNNDecoder', () => {
  itKeepsTheLayerContract({
    layerClass: LabelRNNDecoder,
    args: { labels: 5, units: 4, bidirectional: true },
    inputShape: [2, 6, 3],
    outputShape: [2, 6, 5],
    parameters: 3 * 4 + 4 + 2 * (4 * 16 + 32) + 8 + 1,
    masked: true,
  });
  describe('with features for output', () => {
    itKeepsTheLayerContract({
      layerClass: LabelRNNDecoder,
      args: { labels: 5, units: 4, cell: 'gru', returnFeatures: true },
      inputShape: [2, 6, 3],
      outputShape: [2, 6, 5, 4],
      parameters: 3 * 4 + 4 + 4 * 12 + 24,
      masked: true,
    });
  });

  onBackends(['cpu', 'wasm'], 'reference', () => {
    it.each([
      ['lrnn_uni', false],
      ['lrnn_bi', true],
    ])('equals PyTorch: %s, output, hidden states and gradients', (name, bidirectional) => {
      const { tensors } = readGolden(name);
      const x = toTensor(tensors['x']!);
      const layer = new LabelRNNDecoder({ labels: 5, units: 16, bidirectional });
      layer.build(x.shape);
      loadTorchWeights(layer, stateDictOf(tensors));
      expectClose(layer.apply(x) as tf.Tensor, tensors['y']!.data, 1e-5);
      expectTorchGradients(layer, tensors, 1e-4);

      const features = new LabelRNNDecoder({ labels: 5, units: 16, bidirectional, returnFeatures: true });
      features.build(x.shape);
      loadTorchWeights(features, stateDictOf(tensors));
      expectClose(features.apply(x) as tf.Tensor, tensors['hidden']!.data, 1e-5);
    });
  });

  it('with a GRU cell equals our GRU over zero inputs from the same initial state', () => {
    const x = tf.randomNormal([3, 4], 0, 1, 'float32', 2);
    const decoder = new LabelRNNDecoder({ labels: 4, units: 3, cell: 'gru', returnFeatures: true, seed: 3 });
    const hidden = decoder.apply(x) as tf.Tensor;
    const [initialKernel, initialBias, recurrentKernel, bias, recurrentBias] =
      decoder.getWeights() as tf.Tensor2D[];

    // The GRU layer starts at zero: bring its state to h0 by hand, one step of the textbook formula at a time.
    let h = tf.add(tf.matMul(x as tf.Tensor2D, initialKernel!), initialBias!) as tf.Tensor2D;
    const states: tf.Tensor[] = [];
    for (let label = 0; label < 4; label++) {
      const [hr, hz, hn] = tf.split(
        tf.add(tf.matMul(h, recurrentKernel!), recurrentBias!),
        3,
        1,
      ) as tf.Tensor[];
      const [br, bz, bn] = tf.split(bias!, 3) as tf.Tensor[];
      const r = tf.sigmoid(tf.add(hr!, br!));
      const z = tf.sigmoid(tf.add(hz!, bz!));
      const n = tf.tanh(tf.add(bn!, tf.mul(r, hn!)));
      h = tf.add(tf.mul(tf.sub(1, z), n), tf.mul(z, h)) as tf.Tensor2D;
      states.push(h);
    }
    expectClose(hidden, tf.stack(states, 1), 1e-6);

    // and from zero state the two layers are the same recurrence
    const gru = new SliceDependencyGRU({ units: 3, bidirectional: false });
    gru.build([null, null, 2]);
    gru.setWeights([tf.zeros([2, 9]), recurrentKernel!, bias!, recurrentBias!]);
    decoder.setWeights([tf.zeros([4, 3]), tf.zeros([3]), recurrentKernel!, bias!, recurrentBias!]);
    expectClose(decoder.apply(x) as tf.Tensor, gru.apply(tf.zeros([3, 4, 2])) as tf.Tensor, 1e-6);
  });

  it('leaves leading axes free', () => {
    const decoder = new LabelRNNDecoder({ labels: 5, units: 4, seed: 1 });
    const x = tf.randomNormal([2, 3, 4, 6], 0, 1, 'float32', 1);
    const y = decoder.apply(x) as tf.Tensor;
    expect(y.shape).toEqual([2, 3, 4, 5]);
    expectClose(tf.reshape(y, [24, 5]), decoder.apply(tf.reshape(x, [24, 6])) as tf.Tensor, 1e-6);
  });

  it('says what is wrong with its options', () => {
    expect(() => new LabelRNNDecoder({ labels: 0 })).toThrow(
      /labels: expected a positive integer, received 0/,
    );
    expect(() => new LabelRNNDecoder({ labels: 5, cell: 'rnn' as never })).toThrow(/cell.*"rnn"/);
  });
});
