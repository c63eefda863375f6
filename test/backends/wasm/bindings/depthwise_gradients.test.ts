import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { prepareWasmBackend } from '../../../../src/backends/prepare_wasm_backend';
import { asymmetricLoss } from '../../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../../src/models/ct_brain_model';
import { expectClose } from '../../../support/matchers';
import { noise, valuesOn } from '../support';

beforeAll(async () => {
  await tf.setBackend('wasm');
  await prepareWasmBackend();
});

describe('gradients of depthwise convolutions', () => {
  it.each([
    ['same', [3, 3, 4, 1], 1, 'same'],
    ['strided', [3, 3, 4, 1], 2, 'same'],
    ['several outputs of a channel, an even kernel', [2, 3, 4, 3], [2, 1], 'same'],
    ['valid, pixels that no window meets', [3, 2, 4, 2], 3, 'valid'],
    ['a number of zeros around', [3, 3, 4, 1], 1, 2],
    ['wider than the image', [9, 9, 4, 1], 1, 'same'],
  ] as [string, [number, number, number, number], number | [number, number], 'same' | 'valid' | number][])(
    'as on the CPU: %s',
    async (_, filterShape, strides, pad) => {
      const gradients = () => {
        const [x, w] = [noise([2, 7, 6, 4], 1) as tf.Tensor4D, noise(filterShape, 2) as tf.Tensor4D];
        const loss = (images: tf.Tensor, taps: tf.Tensor) =>
          tf.sum(tf.square(tf.depthwiseConv2d(images as tf.Tensor4D, taps as tf.Tensor4D, strides, pad)));
        return tf.grads(loss)([x, w]);
      };
      const [cpu, wasm] = [await valuesOn('cpu', gradients), await valuesOn('wasm', gradients)];
      expect(wasm).toHaveLength(2);
      wasm.forEach((values, i) => expectClose(values, cpu[i]!, 1e-5));
    },
  );

  it('train a MobileNet of tfjs, loaded as a file has it, as a backbone', async () => {
    const artifacts = await saved(mobileNet());
    const losses = async (backend: string) => {
      await tf.setBackend(backend);
      const backbone = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
      const model = buildCtBrainModel({ variant: 'VGG16 + SDL(1Dconv)', backbone, labels: ['a', 'b'], seed: 1 });
      model.compile({ optimizer: tf.train.sgd(0.05), loss: asymmetricLoss() });
      const before = backbone.getWeights().map((w) => w.dataSync());
      const x = noise([1, 6, 32, 32, 3], 3);
      const y = tf.cast(tf.greater(noise([1, 6, 2], 4), 0), 'float32');
      const { history } = await model.fit(x, y, { epochs: 4, verbose: 0 });
      const moved = backbone.getWeights().map((w, i) => w.dataSync().some((value, k) => value !== before[i]![k]));
      expect(moved.every((each) => each)).toBe(true);
      return history['loss'] as number[];
    };
    const [cpu, wasm] = [await losses('cpu'), await losses('wasm')];
    expect(wasm[3]).toBeLessThan(wasm[0]!);
    expectClose(wasm, cpu, 1e-3);
  });
}); // prettier-ignore

/** MobileNet's blocks, few and narrow: depthwise convolutions, batch normalisation and ReLU6. */
function mobileNet(): tf.LayersModel {
  const input = tf.input({ shape: [32, 32, 3] });
  const seed = 7;
  const kernelInitializer = tf.initializers.heNormal({ seed });
  const depthwiseInitializer = tf.initializers.heNormal({ seed });
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor) => layer.apply(x) as tf.SymbolicTensor;
  const activated = (x: tf.SymbolicTensor) =>
    apply(tf.layers.reLU({ maxValue: 6 }), apply(tf.layers.batchNormalization({}), x));
  const convolved = (filters: number, kernelSize: number, strides: number) =>
    tf.layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer });
  let x = activated(apply(convolved(4, 3, 2), input));
  for (const [filters, strides] of [[6, 1], [8, 2]] as const) {
    x = strides === 2 ? apply(tf.layers.zeroPadding2d({ padding: [[0, 1], [0, 1]] }), x) : x;
    x = activated(apply(tf.layers.depthwiseConv2d({ kernelSize: 3, strides, padding: strides === 2 ? 'valid' : 'same', useBias: false, depthwiseInitializer }), x));
    x = activated(apply(convolved(filters, 1, 1), x));
  }
  return tf.model({ inputs: input, outputs: apply(tf.layers.globalAveragePooling2d({}), x) });
} // prettier-ignore

async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return artifacts!;
}
