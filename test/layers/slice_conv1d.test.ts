import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { SliceConv1D } from '../../src/layers/slice_conv1d';
import { registerWasmTrainingKernels } from '../../src/backends/wasm/training_kernels';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose } from '../support/matchers';
import { expectTorchGradients, stateDictOf } from '../support/torch';

registerWasmTrainingKernels();

describe('SliceConv1D', () => {
  itKeepsTheLayerContract({
    layerClass: SliceConv1D,
    args: { filters: 4, activation: 'relu' },
    inputShape: [2, 6, 3],
    outputShape: [2, 6, 4],
    parameters: 5 * 3 * 4 + 4,
    masked: true,
  });

  onBackends(['cpu', 'wasm'], 'reference', () => {
    it.each([
      ['conv1d_k5', { filters: 16 }],
      ['conv1d_k3', { filters: 8, kernelSize: 3 }],
    ])('equals PyTorch: %s, output and gradients', (name, args) => {
      const { tensors } = readGolden(name);
      const layer = new SliceConv1D(args);
      const x = toTensor(tensors['x']!);
      layer.build(x.shape);
      loadTorchWeights(layer, stateDictOf(tensors));
      expectClose(layer.apply(x) as tf.Tensor, tensors['y']!.data, 1e-5);
      expectTorchGradients(layer, tensors, 1e-4);
    });
  });

  it('counts masked slices as zero input, so a padded patient gives what it gives alone', () => {
    const layer = new SliceConv1D({ filters: 2, seed: 1 });
    const x = tf.randomNormal([1, 6, 3]);
    const mask = tf.tensor2d([[1, 1, 1, 1, 0, 0]]);
    const padded = layer.apply(x, { mask }) as tf.Tensor;
    const alone = layer.apply(tf.slice(x, [0, 0, 0], [1, 4, 3])) as tf.Tensor;
    expectClose(tf.slice(padded, [0, 0, 0], [1, 4, 2]), alone, 1e-6);
  });

  it('says what is wrong with its options', () => {
    expect(() => new SliceConv1D({ filters: 1.5 })).toThrow(
      /filters: expected a positive integer, received 1.5/,
    );
    expect(() => new SliceConv1D({ filters: 1, kernelSize: 0 })).toThrow(/kernelSize/);
    expect(() => new SliceConv1D({ filters: 1, activation: 'swish' as never })).toThrow(
      /activation.*"swish"/,
    );
  });
});
