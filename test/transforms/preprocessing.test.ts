import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { clahe } from '../../src/transforms/clahe';
import { colorJitter } from '../../src/transforms/color_jitter';
import { windowChannels } from '../../src/transforms/hu_window';
import { neighborSlices } from '../../src/transforms/neighbor_slices';
import {
  createPreprocessing,
  preprocess,
  preprocessedChannels,
  type CtPreprocessing,
} from '../../src/transforms/preprocessing';
import { applyAugmentation, drawAugmentation } from '../../src/transforms/random_augment';
import { resize } from '../../src/transforms/resize';
import { onBackends } from '../support/backends';
import { expectNoLeak } from '../support/matchers';
import { expectImagesChecked, expectSliceBySlice, randomImages } from './support';

onBackends(['cpu', 'wasm'], 'preprocess', () => {
  it('equalises at the own resolution, then resizes with antialiasing', () => {
    const images = randomImages([2, 40, 32, 1]);
    const preprocessing = createPreprocessing({
      imageSize: [16, 16],
      clahe: { clipLimit: 3, tileGridSize: [4, 4] },
    });
    const expected = resize(clahe(images, { clipLimit: 3, tileGridSize: [4, 4] }), [16, 16], {
      antialias: true,
    });
    expect(preprocess(images, preprocessing).dataSync()).toEqual(expected.dataSync());
    const plain = preprocess(images, createPreprocessing({ imageSize: [16, 16], clahe: false }));
    expect(plain.dataSync()).toEqual(resize(images, [16, 16]).dataSync());
  });

  it('takes each rank, slice by slice', () => {
    expectSliceBySlice((x) => preprocess(x, createPreprocessing({ imageSize: [5, 6] })));
  });

  it('turns HU into channels by windows, then equalises each and appends the neighbours', () => {
    const hu = tf.randomUniform([5, 40, 32, 1], -200, 400, 'float32', 3);
    const preprocessing = createPreprocessing({
      windows: ['brain', 'subdural'],
      clahe: { tileGridSize: [2, 2] },
      imageSize: [16, 16],
      neighbors: 1,
      edge: 'zero',
    });
    expect(preprocessedChannels(preprocessing)).toBe(6);
    const slices = resize(
      clahe(windowChannels(hu, ['brain', 'subdural']), { tileGridSize: [2, 2] }),
      [16, 16],
    );
    const expected = neighborSlices(slices, { radius: 1, edge: 'zero' });
    expect(preprocess(hu, preprocessing).dataSync()).toEqual(expected.dataSync());
    // a batch of stacks: no stack is another one's neighbour
    const batch = preprocess(tf.stack([hu, tf.zerosLike(hu)]), preprocessing);
    expect(batch.shape).toEqual([2, 5, 16, 16, 6]);
    expect(tf.unstack(batch)[0]!.dataSync()).toEqual(expected.dataSync());
  });

  it('gives the same whatever the number of slices it works on at once', () => {
    const images = randomImages([35, 12, 12, 1]);
    const preprocessing = createPreprocessing({ imageSize: [8, 8], clahe: { tileGridSize: [2, 2] } });
    const each = tf.unstack(images).map((slice) => preprocess(slice, preprocessing));
    expect(preprocess(images, preprocessing).dataSync()).toEqual(tf.stack(each).dataSync());
  });

  it('leaves no tensor behind', () => {
    const images = randomImages([2, 3, 16, 16, 1]);
    expectNoLeak(() => preprocess(images, createPreprocessing({ imageSize: [8, 8] })));
    expectNoLeak(() => preprocess(images, createPreprocessing({ imageSize: [16, 16], clahe: false })));
    expectNoLeak(() => preprocess(images, createPreprocessing({ windows: ['brain', 'bone'], neighbors: 1 })));
  });
});

describe('values of images', () => {
  it('outside 0..1 are refused, and whole numbers count as 0..255: preprocess, colorJitter, applyAugmentation', () => {
    const grey = Array.from({ length: 256 }, (_, i) => i);
    const [bytes, whole] = [tf.tensor3d(grey, [16, 16, 1]), tf.tensor3d(grey, [16, 16, 1], 'int32')];
    const unit = tf.div(bytes, 255) as tf.Tensor3D;
    const draw = drawAugmentation({}, 3);
    const plain = createPreprocessing({ imageSize: [8, 8], clahe: false });
    const equalised = createPreprocessing({ imageSize: [8, 8], clahe: { tileGridSize: [2, 2] } });
    const runs: [string, (x: tf.Tensor3D) => tf.Tensor][] = [
      ['preprocess', (x) => preprocess(x, plain)],
      ['preprocess', (x) => preprocess(x, equalised)],
      ['colorJitter', (x) => colorJitter(x, { brightness: 1.1 })],
      ['applyAugmentation', (x) => applyAugmentation(x, draw)],
    ];
    for (const [name, run] of runs) {
      expect(() => run(bytes)).toThrow(
        `${name}: images: expected values in 0..1, or int32 in 0..255, received`,
      );
      expect(run(whole).dataSync()).toEqual(run(unit).dataSync());
    }
    const ofItsOwn = createPreprocessing({ imageSize: [8, 8], clahe: { valueRange: [0, 255] } });
    expect(preprocess(bytes, ofItsOwn).shape).toEqual([8, 8, 1]);
    expect(() => preprocess(tf.mul(bytes, 2) as tf.Tensor3D, ofItsOwn)).toThrow('expected values in 0..255');
    // Hounsfield units have no such range
    const brain = createPreprocessing({ imageSize: [8, 8], windows: ['brain'] });
    expect(preprocess(tf.mul(bytes, -9) as tf.Tensor3D, brain).shape).toEqual([8, 8, 1]);
  });
});

describe('createPreprocessing', () => {
  it('has the published defaults and survives JSON', () => {
    const preprocessing = createPreprocessing();
    expect(preprocessing).toEqual({
      version: 2,
      windows: false,
      clahe: { clipLimit: 2, tileGridSize: [8, 8] },
      imageSize: [224, 224],
      neighbors: 0,
      edge: 'repeat',
    });
    for (const record of [
      preprocessing,
      createPreprocessing({ clahe: false }),
      createPreprocessing({ imageSize: [64, 96], clahe: { clipLimit: 0, valueRange: [0, 255] } }),
      createPreprocessing({
        windows: ['brain', { center: 50, width: 300 }],
        neighbors: 2,
        edge: 'zero',
      }),
    ]) {
      expect(createPreprocessing(JSON.parse(JSON.stringify(record)) as CtPreprocessing)).toEqual(record);
    }
  });

  it('copies, so that later changes of the argument do not reach it', () => {
    const imageSize: [number, number] = [64, 64];
    const tileGridSize: [number, number] = [4, 4];
    const preprocessing = createPreprocessing({ imageSize, clahe: { tileGridSize } });
    imageSize[0] = tileGridSize[0] = 1;
    expect(preprocessing).toMatchObject({
      imageSize: [64, 64],
      clahe: { clipLimit: 2, tileGridSize: [4, 4] },
    });
  });

  it.each([
    ['null', 'createPreprocessing: expected an object, received null'],
    ['[]', 'createPreprocessing: expected an object'],
    ['"x"', 'createPreprocessing: expected an object'],
    ['{"version": 3}', 'createPreprocessing: version: expected 1 or 2, received 3'],
    [
      '{"normalize": true}',
      "unknown option 'normalize'; known: version, clahe, imageSize, windows, neighbors, edge",
    ],
    ['{"version": 1, "windows": ["brain"]}', "unknown option 'windows'; known: version, clahe, imageSize"],
    ['{"windows": []}', 'createPreprocessing: windows: expected a list of 1 to 16 windows'],
    ['{"windows": ["lung"]}', "one of 'brain', 'brainWide', 'subdural'"],
    ['{"windows": ["constructor"]}', "one of 'brain', 'brainWide', 'subdural'"],
    ['{"windows": [{"center": 40, "width": 0}]}', 'createPreprocessing: width'],
    ['{"neighbors": 0.5}', 'createPreprocessing: neighbors: expected an integer in 0..16, received 0.5'],
    ['{"neighbors": 1e9}', 'createPreprocessing: neighbors'],
    ['{"edge": "wrap"}', "createPreprocessing: edge: expected 'repeat' or 'zero'"],
    ['{"__proto__": {}}', "unknown option '__proto__'"],
    ['{"imageSize": 224}', 'createPreprocessing: imageSize'],
    ['{"imageSize": [224]}', 'createPreprocessing: imageSize'],
    ['{"imageSize": [224, 1e9]}', 'createPreprocessing: imageSize'],
    ['{"imageSize": ["224", 224]}', 'createPreprocessing: imageSize'],
    ['{"clahe": true}', 'createPreprocessing: clahe: expected an object, received true'],
    ['{"clahe": null}', 'createPreprocessing: clahe: expected an object'],
    ['{"clahe": {"clipLimit": -1}}', 'createPreprocessing: clahe: clipLimit'],
    ['{"clahe": {"tileGridSize": [1e9, 1e9]}}', 'createPreprocessing: clahe: tileGridSize'],
    ['{"clahe": {"valueRange": [1, 0]}}', 'createPreprocessing: clahe: valueRange'],
    ['{"clahe": {"tiles": 8}}', "createPreprocessing: clahe: unknown option 'tiles'"],
  ])('refuses %s', (json, message) => {
    const load = () => createPreprocessing(JSON.parse(json) as CtPreprocessing);
    expect(load).toThrow(ArgumentError);
    expect(load).toThrow(message);
    expect(() => preprocess(tf.zeros([4, 4]), JSON.parse(json) as CtPreprocessing)).toThrow(message);
  });

  it('reads a record of version 1 as one that does the same', () => {
    const old = { version: 1, imageSize: [64, 96], clahe: false } as const;
    expect(createPreprocessing(JSON.parse(JSON.stringify(old)) as CtPreprocessing)).toEqual(
      createPreprocessing({ imageSize: [64, 96], clahe: false }),
    );
  });

  it('keeps windows as numbers', () => {
    expect(createPreprocessing({ windows: ['subdural'] }).windows).toEqual([{ center: 80, width: 200 }]);
  });

  it('preprocess refuses images without the channel, or the stack, that the record needs', () => {
    const windows = createPreprocessing({ windows: ['brain', 'bone'] });
    expect(() => preprocess(tf.zeros([4, 4]), windows)).toThrow('[…, h, w, 1] in HU for 2 windows');
    expect(() => preprocess(tf.zeros([4, 4, 3]), windows)).toThrow('[…, h, w, 1] in HU for 2 windows');
    const neighbors = createPreprocessing({ neighbors: 1 });
    expect(() => preprocess(tf.zeros([4, 4, 1]), neighbors)).toThrow('expected a stack of slices');
  });

  it('preprocess refuses other tensors and NaN', () => {
    expectImagesChecked('preprocess', (images) => preprocess(images, createPreprocessing()));
    expect(() => preprocess(tf.tensor2d([[0, NaN]]), createPreprocessing())).toThrow(
      'NaN at image 0, row 0, column 1',
    );
    const late = tf.concat([tf.zeros([16, 1, 2, 1]), tf.tensor4d([0, NaN], [1, 1, 2, 1])]);
    expect(() => preprocess(late, createPreprocessing())).toThrow(
      'counted from slice 16: clahe: images: expected numbers, received NaN at image 0',
    );
  });
});
