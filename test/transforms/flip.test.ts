import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { flip } from '../../src/transforms/flip';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectNoLeak } from '../support/matchers';
import {
  expectImagesChecked,
  expectSliceBySlice,
  randomImages,
  shapesOf,
  valuesWithoutKernel,
} from './support';

const golden = readGolden('augment').tensors;
const DIRECTIONS = ['horizontal', 'vertical'] as const;

onBackends(['cpu', 'wasm'], 'flip', () => {
  it('is torchvision', () => {
    const x = toTensor(golden['x']!);
    expect(flip(x, 'horizontal').dataSync()).toEqual(golden['hflip']!.data);
    expect(flip(x, 'vertical').dataSync()).toEqual(golden['vflip']!.data);
  });

  it.each(DIRECTIONS)('%s takes each rank, slice by slice, and is its own inverse', (direction) => {
    expectSliceBySlice((x) => flip(x, direction), 0);
    for (const shape of shapesOf(5, 8)) {
      const x = randomImages(shape);
      expect(flip(x, direction).dataSync()).not.toEqual(x.dataSync());
      expect(flip(flip(x, direction), direction).dataSync()).toEqual(x.dataSync());
    }
  });

  it.each(DIRECTIONS)('%s passes gradients to where the pixels came from', (direction) => {
    const x = randomImages([3, 4, 5, 2]);
    const cotangent = randomImages([3, 4, 5, 2], 2);
    const gradient = tf.grad((y) => tf.sum(tf.mul(flip(y, direction), cotangent)))(x);
    expect(gradient.dataSync()).toEqual(flip(cotangent, direction).dataSync());
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([2, 4, 4, 1]);
    expectNoLeak(() => DIRECTIONS.map((direction) => flip(x, direction)));
  });
});

describe('flip', () => {
  it('is tf.reverse', () => {
    for (const shape of shapesOf(5, 8)) {
      for (const direction of DIRECTIONS) {
        const run = () => flip(randomImages(shape), direction);
        expect(valuesWithoutKernel('CtFlip', run)).toEqual(run().dataSync());
      }
    }
  });

  it('refuses bad arguments', () => {
    expect(() => flip(tf.zeros([4, 4]), 'both' as 'vertical')).toThrow(
      `flip: direction: expected 'horizontal' or 'vertical', received "both"`,
    );
    expectImagesChecked('flip', (images) => flip(images, 'vertical'));
  });
});
