import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { FusedBatchNorm, type FusedBatchNormArgs } from '../../../src/layers/fused/fused_batch_norm';
import { onBackends } from '../../support/backends';
import { itKeepsTheLayerContract } from '../../support/layer_contract';
import { expectClose, expectNoLeak } from '../../support/matchers';

/** The layer and the host's, with the same weights. */
function pair(shape: number[], args: FusedBatchNormArgs): [tf.layers.Layer, tf.layers.Layer, tf.Tensor] {
  const x = tf.add(tf.randomNormal(shape, 0, 2, 'float32', 3), 5);
  const [ours, host] = [new FusedBatchNorm(args), tf.layers.batchNormalization(args)];
  for (const layer of [ours, host]) layer.apply(x);
  host.setWeights(
    host.getWeights().map((w, i) => tf.add(tf.randomUniform(w.shape, 0, 1, 'float32', 9 + i), 0.5)),
  );
  ours.setWeights(host.getWeights());
  return [ours, host, x];
}

/** Output, gradients for input and weights of a loss in which every value counts differently, and stored statistics. */
function outcome(layer: tf.layers.Layer, x: tf.Tensor, training: boolean): tf.Tensor[] {
  const weigh = tf.randomNormal(x.shape, 0, 1, 'float32', 21);
  const loss = (input: tf.Tensor) =>
    tf.sum(tf.mul(weigh, layer.apply(input, { training }) as tf.Tensor)) as tf.Scalar;
  const y = layer.apply(x, { training }) as tf.Tensor;
  const dx = tf.grad(loss)(x);
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { grads, value } =
    variables.length > 0 ? tf.variableGrads(() => loss(x), variables) : { grads: {}, value: loss(x) };
  value.dispose();
  weigh.dispose();
  return [
    y,
    dx,
    ...Object.values(grads),
    ...layer.nonTrainableWeights.map((weight) => weight.read().clone()),
  ];
}

describe('FusedBatchNorm', () => {
  itKeepsTheLayerContract({
    layerClass: FusedBatchNorm,
    args: { momentum: 0.9 },
    inputShape: [2, 5, 6, 3],
    outputShape: [2, 5, 6, 3],
    parameters: 4 * 3,
    masked: true,
    images: true,
  });
});

onBackends(['cpu', 'wasm'], 'FusedBatchNorm', () => {
  it('takes whole numbers for what they are (case 29)', () => {
    registerWasmTrainingKernels();
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 2, 2], 'int32');
    for (const training of [false, true]) {
      const layers = [new FusedBatchNorm(), tf.layers.batchNormalization()];
      const [ours, host] = layers.map((layer, i) => layer.apply(i ? tf.cast(x, 'float32') : x, { training }));
      expectClose(ours as tf.Tensor, host as tf.Tensor, 1e-5);
    }
  });

  beforeEach(() => {
    registerWasmTrainingKernels();
  });

  const cases: [string, number[], FusedBatchNormArgs][] = [
    ['images', [3, 7, 5, 8], { epsilon: 1e-5, momentum: 0.9 }],
    ['channels not in fours', [2, 5, 5, 7], {}],
    ['more rows than are summed at once', [2, 30, 30, 4], {}],
    ['features', [6, 10], { momentum: 0.5 }],
  ];
  for (const training of [false, true]) {
    it.each(cases)(`equals the host's, training ${training}: %s`, (_, shape, args) => {
      tf.tidy(() => {
        const [ours, host, x] = pair(shape, args);
        const expected = outcome(host, x, training);
        const actual = outcome(ours, x, training);
        expect(actual.length).toBe(expected.length);
        actual.forEach((tensor, i) => expectClose(tensor, expected[i]!, 2e-4, `result ${i}`));
      });
    });

    // the host's own gradient fails without a scale
    it.each([{ scale: false }, { center: false }])(
      `equals a scale of 1 or a shift of 0, training ${training}: %o`,
      (args) => {
        tf.tidy(() => {
          const x = tf.randomNormal([2, 4, 4, 8], 3, 2, 'float32', 3);
          const [without, ...others] = [args, {}].map((options) =>
            outcome(new FusedBatchNorm(options), x, training),
          );
          const [all] = others;
          const left = 'scale' in args ? 2 : 3; // where the missing weight's gradient would be
          all!.splice(left, 1);
          expect(without!.length).toBe(all!.length);
          without!.forEach((tensor, i) => expectClose(tensor, all![i]!, 1e-5, `result ${i}`));
        });
      },
    );

    it(`leaves another axis to the host, training ${training}`, () => {
      tf.tidy(() => {
        const [ours, host, x] = pair([2, 4, 4, 3], { axis: 1 });
        const [actual, expected] = [ours, host].map((layer) => layer.apply(x, { training }) as tf.Tensor);
        expectClose(actual!, expected!, 1e-5);
      });
    });

    it(`leaves nothing behind, training ${training}`, () => {
      const [ours, , x] = pair([2, 4, 4, 8], {});
      expectNoLeak(() => outcome(ours, x, training));
    });
  }

  it('keeps the variance of what lies far from zero', () => {
    const x = tf.tensor2d([10000, 10001, 10002, 10003], [4, 1]);
    const layer = new FusedBatchNorm({ epsilon: 1e-5 });
    const y = layer.apply(x, { training: true }) as tf.Tensor;
    expectClose(y, [-1.3416, -0.4472, 0.4472, 1.3416], 1e-2);
  });
});

describe('FusedBatchNorm', () => {
  it('comes back from its config', () => {
    const layer = new FusedBatchNorm({ momentum: 0.8, epsilon: 1e-4, name: 'norm' });
    const again = FusedBatchNorm.fromConfig(FusedBatchNorm as never, layer.getConfig());
    expect(again).toBeInstanceOf(FusedBatchNorm);
    expect(again.getConfig()).toEqual(layer.getConfig());
  });
});
