import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { resnet18 } from '../../src/backbones/resnet18';
import { squeezenet1_1 } from '../../src/backbones/squeezenet1_1';
import { vgg16 } from '../../src/backbones/vgg16';
import { cutBackbone } from '../../src/explanation/backbone_cut';
import { featureBackbone } from '../../src/training/batches/features';
import { expectClose, expectNoLeak } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';

type Symbol4 = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, x: Symbol4 | Symbol4[]) => layer.apply(x) as Symbol4;
const conv = (name: string) => tf.layers.conv2d({ name, filters: 2, kernelSize: 3, padding: 'same' });
const mean = () => tf.layers.globalAveragePooling2d({});

describe('cutBackbone', () => {
  const options = { inputShape: [32, 32, 1] as [number, number, number] };

  it('finds the last feature map before pooling, whatever the size of the images', () => {
    expect(cutBackbone(vgg16(options)).layer).toBe('features.28');
    expect(cutBackbone(vgg16({ ...options, batchNorm: true })).layer).toBe('features.42');
    expect(cutBackbone(resnet18(options)).layer).toBe('layer4.1.relu');
    expect(cutBackbone(squeezenet1_1(options)).layer).toBe('features.12');
  });

  it('cuts at any layer that all features depend on: both parts make the whole', () => {
    const backbone = tinyBackbone({ batchNorm: true });
    const images = tf.randomUniform([3, 16, 16, 1], 0, 1, 'float32', 1);
    const features = backbone.predict(images) as tf.Tensor;
    for (const layer of [undefined, 'conv', 'bn', backbone.layers.at(-2)!.name]) {
      const { below, above } = cutBackbone(backbone, layer);
      const maps = below(images);
      expect(maps.rank).toBe(4);
      expectClose(above(maps), features, 1e-6);
    }
    expectNoLeak(() => {
      const { below, above } = cutBackbone(backbone);
      return tf.tidy(() => above(below(images)));
    });
    expectClose(backbone.predict(images) as tf.Tensor, features, 0);
  });

  it('takes no layer that features have a way around', () => {
    const input = tf.input({ shape: [8, 8, 1] });
    const trunk = apply(conv('trunk'), input);
    const branch = apply(conv('branch'), trunk);
    const pooled = [apply(mean(), trunk), apply(mean(), branch)];
    const features = apply(tf.layers.concatenate(), pooled);
    const backbone = tf.model({ inputs: input, outputs: features });
    expect(cutBackbone(backbone).layer).toBe('trunk');
    expect(() => cutBackbone(backbone, 'branch')).toThrow(
      `layer: expected one of 'trunk', received "branch"`,
    );
  });

  it('tells a feature map from a vector in the shape of an image', () => {
    const input = tf.input({ shape: [8, 8, 1] });
    const vector = apply(mean(), apply(conv('conv'), input));
    const shaped = apply(conv('late'), apply(tf.layers.reshape({ targetShape: [1, 1, 2] }), vector));
    const flat = apply(tf.layers.flatten({}), shaped);
    expect(cutBackbone(tf.model({ inputs: input, outputs: flat })).layer).toBe('conv');
  });

  it('takes a pooled map where there is no other, and sequential models', () => {
    const pool = tf.layers.maxPooling2d({ name: 'pool', poolSize: 2, inputShape: [8, 8, 1] });
    const backbone = tf.sequential({ layers: [pool, tf.layers.flatten({})] });
    expect(cutBackbone(backbone).layer).toBe('pool');
  });

  it('refuses a backbone without a feature map', () => {
    expect(() => cutBackbone(featureBackbone(4))).toThrow('model: expected a backbone with a feature map');
    expect(() => cutBackbone(tf.layers.flatten({}))).toThrow('a model whose backbone is a model');
  });
});
