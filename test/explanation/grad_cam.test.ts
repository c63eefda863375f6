import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { cutBackbone } from '../../src/explanation/backbone_cut';
import { gradCam } from '../../src/explanation/grad_cam';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { BACKBONES } from '../../src/backbones/registry';
import type { CtBrainModelOptions } from '../../src/models/options';
import { backboneOf, modelParts } from '../../src/models/model_parts';
import { built, SIZE, stack } from '../support/explained';
import { expectClose, expectNoLeak, relativeError } from '../support/matchers';

/** Convolution, ReLU, mean over space. */
function meanBackbone(): tf.LayersModel {
  const input = tf.input({ shape: [SIZE, SIZE, 1] });
  const kernelInitializer = tf.initializers.heNormal({ seed: 3 });
  const conv = tf.layers.conv2d({ name: 'conv', filters: 6, kernelSize: 5, strides: 3, activation: 'relu', kernelInitializer }); // prettier-ignore
  const maps = conv.apply(input) as tf.SymbolicTensor;
  const mean = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(maps) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: mean });
}

const scaled = (maps: tf.Tensor) => tf.div(maps, tf.max(maps));
/** Maps of {@link meanBackbone} enlarged and scaled, from `[slices, 4, 4]` not yet cut at zero: cell i sees pixels 3 i to 3 i + 4. */
function shown(maps: tf.Tensor): tf.Tensor {
  const [slices] = maps.shape as [number];
  const cell = (pixel: number) => Math.min(Math.max((pixel - 2) / 3, 0), 3);
  const values = tf.relu(maps).arraySync() as number[][][];
  const large = tf.buffer([slices, SIZE, SIZE]);
  values.forEach((map, s) => {
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        let sum = 0;
        for (let i = 0; i < 4; i++) {
          for (let j = 0; j < 4; j++) {
            const near = (place: number, n: number) => Math.max(0, 1 - Math.abs(cell(place) - n));
            sum += near(y, i) * near(x, j) * map[i]![j]!;
          }
        }
        large.set(sum, s, y, x);
      }
    }
  });
  return scaled(large.toTensor());
}

describe('gradCam', () => {
  it("is Zhou's class activation map where a linear classifier stands on the mean over space", () => {
    const backbone = meanBackbone();
    const model = built({ backbone, sliceDependency: 'none', labelDecoder: 'linear' });
    const images = stack(3);
    const conv = tf.model({ inputs: backbone.inputs, outputs: backbone.getLayer('conv').output });
    const featureMaps = conv.predict(images) as tf.Tensor;
    for (const label of [0, 1]) {
      const weights = tf.slice(model.getLayer('classifier').getWeights()[0]!, [0, label], [-1, 1]);
      const cam = tf.squeeze(tf.matMul(featureMaps.reshape([-1, 6]), weights)).reshape([3, 4, 4]);
      expectClose(gradCam(model, images, { label }), shown(cam), 1e-5);
      expectClose(gradCam(model, images, { label, method: 'hires-cam' }), shown(cam), 1e-5);
    }
  });

  it('paints the places that a maximum over space takes alone, as hires-cam', () => {
    const input = tf.input({ shape: [SIZE, SIZE, 1] });
    const conv = tf.layers.conv2d({ name: 'conv', filters: 1, kernelSize: 1, kernelInitializer: 'ones' });
    const pool = tf.layers.globalMaxPooling2d({});
    const features = pool.apply(conv.apply(input) as tf.SymbolicTensor) as tf.SymbolicTensor;
    const backbone = tf.model({ inputs: input, outputs: features });
    const model = built({ backbone, sliceDependency: 'none', labelDecoder: 'linear', labels: ['a'] });
    model.getLayer('classifier').setWeights([tf.ones([1, 1]), tf.zeros([1])]);
    const images = tf.clipByValue(stack(2), 0.1, 1) as tf.Tensor4D;
    const flat = tf.reshape(images, [2, -1]);
    const ofMaximum = tf.oneHot(tf.argMax(flat, 1), SIZE * SIZE);
    const alone = tf.mul(tf.cast(ofMaximum, 'float32'), flat).reshape([2, SIZE, SIZE]);
    expectClose(gradCam(model, images, { label: 0, method: 'hires-cam' }), scaled(alone), 1e-6);
    expectClose(gradCam(model, images, { label: 0 }), scaled(tf.squeeze(images, [3])), 1e-6);
  });

  it.each<[string, CtBrainModelOptions, number | undefined]>([
    ['all slices', {}, undefined],
    ['one slice', { order: 'label-then-slice' }, 2],
    ['one slice, convolution', { sliceDependency: 'conv1d', labelDecoder: 'linear' }, 0],
    ['a patient, max', { output: 'patient' }, undefined],
    ['a patient, attention', { output: 'patient', pooling: 'attention' }, undefined],
  ])('is what its formula says, by finite steps of each feature map: %s', (_, options, slice) => {
    const model = built({ backbone: meanBackbone(), ...options });
    const images = stack(4);
    const { below, above } = cutBackbone(backboneOf(model));
    const featureMaps = below(images);
    const [slices, height, width, channels] = featureMaps.shape;
    // the mean over space of a gradient is how a logit follows a channel that rises evenly by 1 / (h w)
    const head = (maps: tf.Tensor) => {
      const features = tf.expandDims(above(maps)) as tf.Tensor;
      const head = headModel(model);
      const logits = head(features);
      const ofLabel = logits.slice([...logits.shape.slice(0, -1).map(() => 0), 1]).flatten();
      return (slice === undefined ? tf.sum(ofLabel) : ofLabel.slice([slice], [1])).dataSync()[0]!;
    };
    const step = 1e-2;
    const weights = tf.buffer([slices, 1, 1, channels]);
    for (let s = 0; s < slices; s++) {
      for (let k = 0; k < channels; k++) {
        const bump = tf.buffer([slices, 1, 1, channels]);
        bump.set(step, s, 0, 0, k);
        const change =
          head(tf.add(featureMaps, bump.toTensor())) - head(tf.sub(featureMaps, bump.toTensor()));
        weights.set(change / (2 * step * height * width), s, 0, 0, k);
      }
    }
    const expected = shown(tf.sum(tf.mul(featureMaps, weights.toTensor()), 3));
    const actual = gradCam(model, images, { label: 1, ...(slice !== undefined && { slice }) });
    expect(relativeError(actual, expected)).toBeLessThan(2e-2);
  });

  it('shows what neighbours have to do with a decision, where a slice layer joins them', () => {
    const images = stack(5);
    const other = tf.concat([tf.slice(images, [0], [4]), tf.zerosLike(tf.slice(images, [4], [1]))]) as tf.Tensor4D; // prettier-ignore
    const map = (model: tf.LayersModel, x: tf.Tensor4D) =>
      tf.slice(gradCam(model, x, { label: 0, slice: 3 }), [3], [1]);
    const joined = built({ sliceDependency: 'gru' });
    // relative to one another, the values within one slice's map
    expect(relativeError(scaled(map(joined, images)), scaled(map(joined, other)))).toBeGreaterThan(1e-3);
    expect(tf.max(tf.slice(gradCam(joined, images, { label: 0, slice: 3 }), [2], [1])).dataSync()[0]).toBeGreaterThan(0); // prettier-ignore

    const alone = built({ sliceDependency: 'none' });
    expect(relativeError(map(alone, images), map(alone, other))).toBe(0);
    const rest = tf.slice(gradCam(alone, images, { label: 0, slice: 3 }), [0], [3]);
    expect(tf.max(rest).dataSync()[0]).toBe(0);
  });

  it('is the same in chunks', () => {
    const model = built();
    const images = stack(7);
    const whole = gradCam(model, images, { label: 0 });
    for (const options of [{ chunkSlices: 1 }, { chunkSlices: 3 }, { memoryBudget: 1 }]) {
      expectClose(gradCam(model, images, { label: 0, ...options }), whole, 1e-5);
    }
  });

  it('keeps the activations of a chunk only', async () => {
    const inputShape: [number, number, number] = [64, 64, 1];
    const model = buildCtBrainModel({ backbone: 'squeezenet1_1', inputShape, sliceDependency: 'none' });
    const peak = async (slices: number, chunkSlices: number) => {
      const images = tf.zeros([slices, ...inputShape]) as tf.Tensor4D;
      const before = tf.memory().numBytes;
      const { peakBytes } = await tf.profile(() => gradCam(model, images, { label: 0, chunkSlices }));
      return peakBytes - before;
    };
    await peak(1, 1); // weights are made
    const inChunks = (await peak(12, 1)) - (await peak(4, 1));
    const atOnce = (await peak(12, 12)) - (await peak(4, 4));
    // eight more slices: their feature maps, maps and what the head keeps, and not what the backbone computes below
    expect(inChunks).toBeLessThan(0.4 * atOnce);
    expect(inChunks).toBeGreaterThan(8 * 4 * 3 * 3 * 512);
  });

  it.each<[string, CtBrainModelOptions]>([
    ['GRU', { order: 'label-then-slice' }],
    ['convolution', { sliceDependency: 'conv1d' }],
    ['patient', { output: 'patient', pooling: 'attention' }],
  ])('leaves padding out: %s', (_, options) => {
    const model = built({ maskValue: -1, ...options });
    const images = stack(3);
    const padded = tf.concat([images, tf.fill([2, SIZE, SIZE, 1], -1)]) as tf.Tensor4D;
    const maps = gradCam(model, padded, { label: 0 });
    expectClose(tf.slice(maps, [0], [3]), gradCam(model, images, { label: 0 }), 1e-5);
    expect(tf.max(tf.slice(maps, [3], [2])).dataSync()[0]).toBe(0);
    if (options.output === 'patient') return;
    expect(tf.max(gradCam(model, padded, { label: 0, slice: 4 })).dataSync()[0]).toBe(0);
  });

  it('takes one slice, and leaves a map of nothing at zero', () => {
    const model = built();
    const map = gradCam(model, stack(1), { label: 1, slice: 0 });
    expect(map.shape).toEqual([1, SIZE, SIZE]);
    const nothing = gradCam(model, tf.zeros([2, SIZE, SIZE, 1]), { label: 0 });
    expect([...new Set(nothing.dataSync())]).toEqual([0]);
  });

  it.each(BACKBONES)('looks into %s', (backbone) => {
    // features of an untrained ResNet are large: a recurrent head would be saturated, without a gradient
    const head = { sliceDependency: 'conv1d', labelDecoder: 'linear' } as const;
    const model = buildCtBrainModel({ backbone, inputShape: [64, 64, 1], ...head, seed: 1 });
    const images = tf.randomUniform([2, 64, 64, 1], 0, 1, 'float32', 1) as tf.Tensor4D;
    const largest = [0, 1, 2, 3, 4].map((label) => {
      const maps = gradCam(model, images, { label });
      expect(maps.shape).toEqual([2, 64, 64]);
      expect(tf.min(maps).dataSync()[0]).toBeGreaterThanOrEqual(0);
      return tf.max(maps).dataSync()[0]!;
    });
    // a label that nothing speaks for has no map; without training that may be any, but not all
    expect(largest.every((value) => value === 0 || value === 1)).toBe(true);
    expect(largest).toContain(1);
  });

  it('leaks nothing', () => {
    const images = stack(5);
    for (const options of [{ maskValue: -1 }, { output: 'patient' as const }]) {
      const model = built(options);
      for (const chunkSlices of [2, 9]) expectNoLeak(() => gradCam(model, images, { label: 0, chunkSlices }));
    }
  });

  it('refuses models of another form and bad options', () => {
    const dense = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] })] });
    expect(() => gradCam(dense, stack(1), { label: 0 })).toThrow(/starts with PerSlice/);
    const model = built();
    const cam = (options: object) => gradCam(model, stack(2), { label: 0, ...options });
    expect(() => cam({ label: 2 })).toThrow(
      'gradCam: label: expected the index of a label, 0 to 1, received 2',
    );
    expect(() => cam({ label: 'a' })).toThrow('gradCam: label');
    expect(() => cam({ slice: 2 })).toThrow(
      'gradCam: slice: expected the index of a slice, 0 to 1, received 2',
    );
    expect(() => cam({ method: 'cam' })).toThrow("gradCam: method: expected 'grad-cam' or 'hires-cam'");
    expect(() => cam({ layer: 'nowhere' })).toThrow(/layer: expected .*conv', received "nowhere"/);
    expect(() => cam({ chunkSlices: 0 })).toThrow('gradCam: chunkSlices');
    expect(() => cam({ slices: 1 })).toThrow("option 'slices'");
    expect(() => gradCam(model, tf.expandDims(stack(2)) as never, { label: 0 })).toThrow(
      "gradCam: images: expected one patient's slices [slices, 16, 16, 1]",
    );
    expect(() => gradCam(model, tf.zeros([1, 8, 16, 1]), { label: 0 })).toThrow('gradCam: images');
    expect(() => gradCam(built({ output: 'patient' }), stack(2), { label: 0, slice: 1 })).toThrow(
      'gradCam: slice: expected none, for a model whose output is per patient',
    );
  });
});

/** The layers above the backbone, by tfjs itself: the model on features, its backbone replaced by one that does nothing. */
function headModel(model: tf.LayersModel): (features: tf.Tensor) => tf.Tensor {
  const { perSlice } = modelParts(model);
  return (features) => {
    const { call } = perSlice;
    perSlice.call = () => tf.clone(features);
    try {
      const [, slices] = features.shape as [number, number];
      return model.predict(tf.zeros([1, slices, SIZE, SIZE, 1])) as tf.Tensor;
    } finally {
      perSlice.call = call;
    }
  };
}
