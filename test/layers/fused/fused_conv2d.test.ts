import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { ArgumentError } from '../../../src/base/errors';
import { FusedConv2D, type FusedConv2DArgs } from '../../../src/layers/fused/fused_conv2d';
import { onBackends } from '../../support/backends';
import { itKeepsTheLayerContract } from '../../support/layer_contract';
import { expectClose, expectNoLeak } from '../../support/matchers';

type Options = Partial<FusedConv2DArgs>;

const CASES: [string, Options][] = [
  ['a ReLU and a bias', { activation: 'relu' }],
  ['neither', { useBias: false }],
  ['a ReLU alone', { activation: 'relu', useBias: false }],
  ['a bias alone', {}],
  ['a stride', { activation: 'relu', strides: 2 }],
  ['an activation it leaves to the host', { activation: 'tanh' }],
];

/** The layer and the host's, with the same weights. */
function pair(options: Options): [tf.layers.Layer, tf.layers.Layer, tf.Tensor4D] {
  const args = { filters: 8, kernelSize: 3, padding: 'same', ...options } as FusedConv2DArgs;
  const x = tf.randomNormal([2, 9, 7, 8], 0, 1, 'float32', 3) as tf.Tensor4D;
  const [ours, host] = [new FusedConv2D(args), tf.layers.conv2d(args)];
  for (const layer of [ours, host]) layer.apply(x);
  host.setWeights(host.getWeights().map((w, i) => tf.randomNormal(w.shape, 0, 0.5, 'float32', 5 + i)));
  ours.setWeights(host.getWeights());
  return [ours, host, x];
}

/** Output, and gradients of a sum of squares for the input and every weight. */
function outputAndGradients(layer: tf.layers.Layer, x: tf.Tensor4D): tf.Tensor[] {
  const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const loss = (input: tf.Tensor) => tf.sum(tf.square(layer.apply(input) as tf.Tensor)) as tf.Scalar;
  const dx = tf.grad(loss)(x);
  const { grads, value } = tf.variableGrads(() => loss(x), weights);
  value.dispose();
  return [layer.apply(x) as tf.Tensor, dx, ...weights.map(({ name }) => grads[name]!)];
}

onBackends(['cpu', 'wasm'], 'FusedConv2D', () => {
  registerWasmTrainingKernels();

  it.each(CASES)('equals tf.layers.conv2d, gradients too, with %s', (_, options) => {
    tf.tidy(() => {
      const [ours, host, x] = pair(options);
      const expected = outputAndGradients(host, x);
      const actual = outputAndGradients(ours, x);
      expect(actual.length).toBe(options.useBias === false ? 3 : 4);
      actual.forEach((tensor, i) => {
        expect(tensor.shape).toEqual(expected[i]!.shape);
        expectClose(tensor, expected[i]!, 1e-4);
      });
    });
  });

  it.each(CASES)('leaves nothing behind with %s', (_, options) => {
    const [ours, , x] = pair(options);
    expectNoLeak(() => outputAndGradients(ours, x));
    expectNoLeak(() => ours.apply(x));
  });

  it('asks for no gradient that nobody wants', () => {
    const [ours, , x] = pair({ activation: 'relu' });
    ours.trainable = false;
    expectNoLeak(() => tf.grad((v: tf.Tensor) => tf.sum(ours.apply(v) as tf.Tensor))(x));
    ours.trainable = true;
    const kernel = ours.trainableWeights[0]!.read() as tf.Variable;
    expectNoLeak(() => tf.variableGrads(() => tf.sum(ours.apply(x) as tf.Tensor) as tf.Scalar, [kernel]));
  });
});

describe('FusedConv2D', () => {
  itKeepsTheLayerContract({
    layerClass: FusedConv2D,
    args: { filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' },
    inputShape: [2, 5, 6, 3],
    outputShape: [2, 5, 6, 4],
    parameters: 9 * 3 * 4 + 4,
    images: true,
  });

  it('leaves dilation to the host, which refuses its gradient', () => {
    tf.tidy(() => {
      const [ours, host, x] = pair({ dilationRate: 2, activation: 'relu' });
      expectClose(ours.apply(x) as tf.Tensor, host.apply(x) as tf.Tensor, 1e-6);
      expect(() => tf.grad((v: tf.Tensor) => tf.sum(ours.apply(v) as tf.Tensor))(x)).toThrow(/[Dd]ilation/);
    });
  });

  it('comes back from a saved model', async () => {
    const input = tf.input({ shape: [8, 8, 3] });
    const layer = new FusedConv2D({ filters: 4, kernelSize: 3, activation: 'relu', name: 'first' });
    const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tf.loadLayersModel({ load: async () => saved! });
    expect(loaded.layers[1]).toBeInstanceOf(FusedConv2D);
    expect(loaded.layers[1]!.getConfig()).toEqual(layer.getConfig());
    const x = tf.randomNormal([1, 8, 8, 3]);
    expectClose(loaded.predict(x) as tf.Tensor, model.predict(x) as tf.Tensor, 1e-6);
  });

  it('says what it takes', () => {
    const layer = new FusedConv2D({ filters: 4, kernelSize: 3, name: 'first' });
    layer.build([null, 8, 8, 3]);
    expect(() => layer.call(tf.zeros([8, 8, 3]), {})).toThrow(ArgumentError);
    expect(() => layer.call(tf.zeros([8, 8, 3]), {})).toThrow(/first: input: expected \[n, height/);
  });
});
