import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itKeepsTheLayerContract } from '../../support/layer_contract';
import { SliceDropout } from './slice_dropout';

describe('SliceDropout', () => {
  itKeepsTheLayerContract({
    layerClass: SliceDropout,
    args: { rate: 0.25, seed: 1 },
    inputShape: [2, 4, 3],
    outputShape: [2, 4, 3],
    parameters: 0,
    masked: true,
  });

  it('drops whole slices during training, and scales the others up', () => {
    const layer = new SliceDropout({ rate: 0.25, seed: 1 });
    const y = layer.apply(tf.ones([1, 1000, 3]), { training: true }) as tf.Tensor3D;
    const slices = y.arraySync()[0]!;
    const kept = slices.filter((slice) => slice[0] !== 0);
    for (const slice of slices) expect(new Set(slice).size).toBe(1);
    for (const slice of kept) expect(slice[0]).toBeCloseTo(4 / 3, 6);
    expect(kept.length / slices.length).toBeCloseTo(0.75, 1);
  });

  it('does nothing outside training', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.99, noNaN: true }), (rate) => {
        const x = tf.randomNormal([1, 5, 2]);
        const y = new SliceDropout({ rate }).apply(x) as tf.Tensor;
        expect(y.dataSync()).toEqual(x.dataSync());
      }),
      { numRuns: 10 },
    );
  });

  it('refuses an invalid rate', () => {
    for (const rate of [-0.1, 1, NaN]) {
      expect(() => new SliceDropout({ rate })).toThrow(/rate: expected a number in \[0, 1\)/);
    }
    expect(() => new SliceDropout({ rates: 0.1 } as never)).toThrow("did you mean 'rate'?");
  });
});
