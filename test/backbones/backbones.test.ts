import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { BackboneOptions } from '../../src/backbones/builder';
import { BACKBONES, backboneByName, type BackboneName } from '../../src/backbones/registry';
import { densenet121 } from '../../src/backbones/densenet121';
import { mobilenet_v2 } from '../../src/backbones/mobilenet_v2';
import { resnet18 } from '../../src/backbones/resnet18';
import { squeezenet1_1 } from '../../src/backbones/squeezenet1_1';
import { vgg16 } from '../../src/backbones/vgg16';
import { readSafetensors } from '../../src/interop/safetensors';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { onBackends } from '../support/backends';
import { realData } from '../support/data';
import { formulaWeight } from '../support/formula_weights';
import { readGolden, toTensor } from '../support/golden';
import { expectClose, expectNoLeak } from '../support/matchers';

const weightsFile = realData('..', 'weights', 'squeezenet1_1_imagenet.safetensors');

/** A golden backbone's state dict, its weights made by the formula. */
function goldenStateDict(name: string): {
  x: tf.Tensor;
  features: tf.Tensor;
  state: Record<string, tf.Tensor>;
} {
  const { tensors, meta } = readGolden(name);
  const shapes = JSON.parse(meta['parameters']!) as Record<string, number[]>;
  const state = Object.fromEntries(
    Object.entries(shapes).map(([key, shape]) => [key, formulaWeight(key, shape)]),
  );
  return { x: toTensor(tensors['x']!), features: toTensor(tensors['features']!), state };
}

onBackends(['wasm', 'wasm, compiled'], 'backbones against torchvision', () => {
  it('vgg16, its weights named as in features.state_dict()', () => {
    const { x, features, state } = goldenStateDict('backbone_vgg16');
    const model = vgg16({ inputShape: [64, 64, 3] });
    loadTorchWeights(model, state);
    expectClose(model.predict(x) as tf.Tensor, features, 1e-4);
  });

  it('vgg16, its weights named as in vgg16().state_dict(), classifier and all', () => {
    const { x, features, state } = goldenStateDict('backbone_vgg16');
    const whole = Object.fromEntries(Object.entries(state).map(([key, t]) => [`features.${key}`, t]));
    const model = vgg16({ inputShape: [64, 64, 3] });
    loadTorchWeights(model, { ...whole, 'classifier.0.weight': tf.zeros([2, 2]) });
    expectClose(model.predict(x) as tf.Tensor, features, 1e-4);
  });

  it('resnet18', () => {
    const { x, features, state } = goldenStateDict('backbone_resnet18');
    const model = resnet18({ inputShape: [64, 64, 3] });
    loadTorchWeights(model, {
      ...state,
      'bn1.num_batches_tracked': tf.scalar(3, 'int32'),
      'fc.bias': tf.zeros([9]),
    });
    expectClose(model.predict(x) as tf.Tensor, features, 1e-4);
  });

  it.each([
    ['mobilenet_v2', mobilenet_v2],
    ['densenet121', densenet121],
  ])('%s', (name, build) => {
    const { x, features, state } = goldenStateDict(`backbone_${name}`);
    const model = build({ inputShape: x.shape.slice(1) as [number, number, number] });
    loadTorchWeights(model, { ...state, 'classifier.1.weight': tf.zeros([2, 2]) });
    expectClose(model.predict(x) as tf.Tensor, features, 1e-4);
  });

  it('resnet18 without its last layers, which start fresh', () => {
    const { state } = goldenStateDict('backbone_resnet18');
    const model = resnet18({ inputShape: [64, 64, 3] });
    const isLast = (name: string) => name.startsWith('layer4.');
    const first = Object.entries(state).filter(([name]) => !isLast(name));
    const { loaded, fresh } = loadTorchWeights(model, Object.fromEntries(first), { partial: true });
    const isTracked = (name: string) => name.endsWith('num_batches_tracked');
    expect([...loaded].sort()).toEqual(first.map(([name]) => name).filter((name) => !isTracked(name)).sort()); // prettier-ignore
    expect(fresh).toHaveLength(25); // five convolutions, and four vectors for each of five normalisations
    expect(fresh.every(isLast)).toBe(true);
  });

  it.skipIf(!weightsFile)('squeezenet1_1 with its ImageNet weights', () => {
    const { tensors } = readGolden('squeezenet1_1_imagenet');
    const model = squeezenet1_1({ inputShape: [224, 224, 3] });
    loadTorchWeights(model, readSafetensors(readFileSync(weightsFile!)));
    expectClose(model.predict(toTensor(tensors['x']!)) as tf.Tensor, tensors['features']!.data, 1e-4);
  });
});

/** Weights as torchvision counts them, and features. */
const SIZES: Record<BackboneName, { parameters: number; features: number }> = {
  densenet121: { parameters: 6_953_856 + 83_648, features: 1024 },
  mobilenet_v2: { parameters: 2_223_872 + 34_112, features: 1280 },
  vgg16: { parameters: 14_714_688, features: 512 },
  resnet18: { parameters: 11_176_512 + 9600, features: 512 }, // running means and variances counted
  squeezenet1_1: { parameters: 722_496, features: 512 },
  smallCnn: { parameters: 22_576, features: 64 }, // ours, and running means and variances counted
};

describe.each(BACKBONES)('%s', (name) => {
  const build = (options: BackboneOptions) => backboneByName(name, options);

  it('has as many weights as it says (torchvision’s), and its features', () => {
    const model = build({ inputShape: [64, 64, 3] });
    expect(model.countParams()).toBe(SIZES[name].parameters);
    expect(model.outputs[0]!.shape).toEqual([null, SIZES[name].features]);
    model.dispose();
  });

  it('repeats grey to three channels, and normalises inside when asked', async () => {
    await tf.setBackend('wasm');
    const size = 39; // odd maps all the way: the overhang of ceil_mode
    const gray = tf.randomUniform([1, size, size, 1], 0, 1, 'float32', 3);
    const rgb = tf.concat([gray, gray, gray], -1);
    const mean = tf.tensor1d([0.485, 0.456, 0.406]);
    const std = tf.tensor1d([0.229, 0.224, 0.225]);
    const plain = build({ inputShape: [size, size, 3], seed: 1 });
    const gray1 = build({ inputShape: [size, size, 1], seed: 1 });
    const normalized = build({ inputShape: [size, size, 1], normalize: true, seed: 1 });
    expectClose(gray1.predict(gray) as tf.Tensor, plain.predict(rgb) as tf.Tensor, 1e-5);
    const reference = plain.predict(tf.div(tf.sub(rgb, mean), std)) as tf.Tensor;
    expectClose(normalized.predict(gray) as tf.Tensor, reference, 1e-5);
  });

  it('leaks nothing when used and disposed', async () => {
    await tf.setBackend('wasm');
    expectNoLeak(() => {
      const model = build({ inputShape: [32, 32, 1], normalize: true });
      const x = tf.zeros([1, 32, 32, 1]);
      tf.dispose([model.predict(x), x]);
      model.dispose();
    });
  });

  it('says what is wrong with its options', () => {
    expect(() => build({ inputShape: [16, 224, 1] })).toThrow(
      /height and width of at least 32, received \[16,224,1\]/,
    );
    expect(() => build({ inputShape: [64, 64] as never })).toThrow(/\[height, width, channels\]/);
    expect(() => build({ inputShape: [64, 64, 2], normalize: true })).toThrow(/1 or 3 channels/);
    expect(() => build({ inputShape: [64, 64, 1], pretrained: true } as never)).toThrow(
      /option 'pretrained'/,
    );
  });
});

describe('vgg16 with batchNorm', () => {
  it('is numbered as torchvision’s vgg16_bn', () => {
    const names = vgg16({ inputShape: [32, 32, 3], batchNorm: true }).layers.map((layer) => layer.name);
    expect(names).toEqual(
      expect.arrayContaining(['features.0', 'features.1', 'features.3', 'features.40', 'features.41']),
    );
  });
});

describe('squeezenet1_1', () => {
  it('pools with ceil_mode: a hanging window adds a row', () => {
    const sizeAfter = (size: number) => {
      const model = squeezenet1_1({ inputShape: [size, size, 1] });
      return model.getLayer('features.2').outputShape as number[];
    };
    expect(sizeAfter(225)[1]).toBe(56); // 225 -> 112 -> ceil((112 - 3) / 2) + 1
    expect(sizeAfter(224)[1]).toBe(55); // 224 -> 111 -> 55
  });
});
