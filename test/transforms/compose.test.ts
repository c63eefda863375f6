import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { affine } from '../../src/transforms/affine';
import { clahe } from '../../src/transforms/clahe';
import { compose, type ImageTransform } from '../../src/transforms/compose';
import { flip } from '../../src/transforms/flip';
import { CT_WINDOWS, huWindow } from '../../src/transforms/hu_window';
import { resize } from '../../src/transforms/resize';
import { expectNoLeak } from '../support/matchers';
import { expectSliceBySlice, randomImages } from './support';

const parts: ImageTransform[] = [
  (x) => clahe(x),
  (x) => affine(x, { angle: 30 }),
  (x) => flip(x, 'vertical'),
  (x) => resize(x, [5, 6]),
];

describe('compose', () => {
  it('applies first to last', () => {
    const x = randomImages([3, 9, 7, 1]);
    const step = parts.reduce((images, part) => part(images), x);
    expect(compose(...parts)(x).dataSync()).toEqual(step.dataSync());
    expect(compose(compose(...parts.slice(0, 2)), ...parts.slice(2))(x).dataSync()).toEqual(step.dataSync());
    expectSliceBySlice(compose(...parts));
  });

  it('of nothing, or of what changes nothing, is a copy', () => {
    const x = randomImages([4, 4]);
    for (const identity of [compose(), compose((images) => images)]) {
      const result = identity(x);
      expect(result.dataSync()).toEqual(x.dataSync());
      result.dispose();
      expect(x.isDisposed).toBe(false);
    }
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([3, 9, 7, 1]);
    expectNoLeak(() => compose(...parts)(x));
    expectNoLeak(() => compose()(x));
  });

  it('refuses what is not a function', () => {
    expect(() => compose((x) => x, 'clahe' as unknown as ImageTransform)).toThrow(
      'compose: transforms[1]: expected a function, received "clahe"',
    );
  });

  it('has the type of what it is given', () => {
    const images: tf.Tensor3D = compose((x) => huWindow(x, CT_WINDOWS.brain))(
      tf.zeros<tf.Rank.R3>([4, 4, 1]),
    );
    const stacks = compose((x: tf.Tensor4D) => resize(x, [2, 2]), (x) => tf.sub<tf.Tensor4D>(x, 0.5)); // prettier-ignore
    const small: tf.Tensor4D = stacks(tf.zeros<tf.Rank.R4>([1, 4, 4, 1]));
    expect([images.shape, small.shape]).toEqual([[4, 4, 1], [1, 2, 2, 1]]); // prettier-ignore
    // @ts-expect-error a transform of stacks takes no single image
    expect(() => stacks(tf.zeros<tf.Rank.R3>([4, 4, 1]))).toBeDefined();
  });
});
