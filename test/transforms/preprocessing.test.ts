import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors';
import { clahe } from '../../src/transforms/clahe';
import { createPreprocessing, preprocess, type CtPreprocessing } from '../../src/transforms/preprocessing';
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

  it('leaves no tensor behind', () => {
    const images = randomImages([2, 3, 16, 16, 1]);
    expectNoLeak(() => preprocess(images, createPreprocessing({ imageSize: [8, 8] })));
    expectNoLeak(() => preprocess(images, createPreprocessing({ imageSize: [16, 16], clahe: false })));
  });
});

describe('createPreprocessing', () => {
  it('has the published defaults and survives JSON', () => {
    const preprocessing = createPreprocessing();
    expect(preprocessing).toEqual({
      version: 1,
      imageSize: [224, 224],
      clahe: { clipLimit: 2, tileGridSize: [8, 8] },
    });
    for (const record of [
      preprocessing,
      createPreprocessing({ clahe: false }),
      createPreprocessing({ imageSize: [64, 96], clahe: { clipLimit: 0, valueRange: [0, 255] } }),
    ]) {
      expect(createPreprocessing(JSON.parse(JSON.stringify(record)) as CtPreprocessing)).toEqual(record);
    }
  });

  it('copies, so that later changes of the argument do not reach it', () => {
    const imageSize: [number, number] = [64, 64];
    const tileGridSize: [number, number] = [4, 4];
    const preprocessing = createPreprocessing({ imageSize, clahe: { tileGridSize } });
    imageSize[0] = tileGridSize[0] = 1;
    expect(preprocessing).toEqual({
      version: 1,
      imageSize: [64, 64],
      clahe: { clipLimit: 2, tileGridSize: [4, 4] },
    });
  });

  it.each([
    ['null', 'createPreprocessing: expected an object, received null'],
    ['[]', 'createPreprocessing: expected an object'],
    ['"x"', 'createPreprocessing: expected an object'],
    ['{"version": 2}', 'createPreprocessing: version: expected 1, received 2'],
    [
      '{"normalize": true}',
      'createPreprocessing: expected only the keys version, imageSize, clahe, received "normalize"',
    ],
    ['{"__proto__": {}}', 'received "__proto__"'],
    ['{"imageSize": 224}', 'createPreprocessing: imageSize'],
    ['{"imageSize": [224]}', 'createPreprocessing: imageSize'],
    ['{"imageSize": [224, 1e9]}', 'createPreprocessing: imageSize'],
    ['{"imageSize": ["224", 224]}', 'createPreprocessing: imageSize'],
    ['{"clahe": true}', 'createPreprocessing: clahe: expected an object, received true'],
    ['{"clahe": null}', 'createPreprocessing: clahe: expected an object'],
    ['{"clahe": {"clipLimit": -1}}', 'createPreprocessing: clahe: clipLimit'],
    ['{"clahe": {"tileGridSize": [1e9, 1e9]}}', 'createPreprocessing: clahe: tileGridSize'],
    ['{"clahe": {"valueRange": [1, 0]}}', 'createPreprocessing: clahe: valueRange'],
    ['{"clahe": {"tiles": 8}}', 'createPreprocessing: clahe: expected only the keys'],
  ])('refuses %s', (json, message) => {
    const load = () => createPreprocessing(JSON.parse(json) as CtPreprocessing);
    expect(load).toThrow(ArgumentError);
    expect(load).toThrow(message);
    expect(() => preprocess(tf.zeros([4, 4]), JSON.parse(json) as CtPreprocessing)).toThrow(message);
  });

  it('preprocess refuses other tensors and NaN', () => {
    expectImagesChecked('preprocess', (images) => preprocess(images, createPreprocessing()));
    expect(() => preprocess(tf.tensor2d([[0, NaN]]), createPreprocessing())).toThrow(
      'NaN at image 0, row 0, column 1',
    );
  });
});
