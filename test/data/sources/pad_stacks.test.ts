import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { padStacks } from '../../../src/data/sources/pad_stacks';
import { ArgumentError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { expectNoLeak } from '../../support/matchers';
import { tinyBackbone } from '../../support/memory_source';

const SIZE = 16;

const stack = (slices: number, seed: number, labelled = true) => ({
  images: tf.randomUniform<tf.Rank.R4>([slices, SIZE, SIZE, 1], 0, 1, 'float32', seed),
  ...(labelled && {
    labels: tf.cast(
      tf.less(tf.randomUniform([slices, 5], 0, 1, 'float32', seed + 1), 0.4),
      'float32',
    ) as tf.Tensor2D,
  }),
});

const model = () =>
  buildCtBrainModel({
    variant: 'VGG16 + SDL(GRU) + LRNN',
    backbone: tinyBackbone(),
    maskValue: -1,
    seed: 1,
  });

describe('padStacks', () => {
  it('puts every stack first and padding after it, with the mask that says which', () => {
    const [first, second] = [stack(2, 1), stack(3, 2)];
    const { images, mask, labels } = padStacks([first, second]);
    expect(images.shape).toEqual([2, 3, SIZE, SIZE, 1]);
    expect(mask.arraySync()).toEqual([[1, 1, 0], [1, 1, 1]]); // prettier-ignore
    const [a, b] = labels!.arraySync();
    expect(a).toEqual([...first.labels!.arraySync(), [-1, -1, -1, -1, -1]]);
    expect(b).toEqual(second.labels!.arraySync());
    const pixels = images.arraySync();
    expect(pixels[1]).toEqual(second.images.arraySync());
    expect(pixels[0]!.slice(0, 2)).toEqual(first.images.arraySync());
    expect(pixels[0]![2]!.flat(2).every((value) => value === -1)).toBe(true);
    expect(padStacks([stack(2, 1, false)], { padValue: -5 })).not.toHaveProperty('labels');
  });

  it('changes no logit of a slice, for any lengths', () => {
    const ct = model();
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), (lengths) => {
        tf.tidy(() => {
          const stacks = lengths.map((slices, i) => stack(slices, 10 + i));
          const together = (ct.predict(padStacks(stacks).images) as tf.Tensor3D).arraySync();
          for (const [i, { images }] of stacks.entries()) {
            const alone = (ct.predict(tf.expandDims(images)) as tf.Tensor3D).arraySync()[0]!;
            for (const [s, row] of alone.entries()) {
              for (const [l, logit] of row.entries()) expect(together[i]![s]![l]).toBeCloseTo(logit, 5);
            }
          }
        });
      }),
      { numRuns: 20 },
    );
  });

  it('keeps padding out of the loss, with the mask, by the labels, and under model.fit', async () => {
    const ct = model();
    ct.compile({ optimizer: tf.train.sgd(0), loss: asymmetricLoss() });
    const stacks = [stack(1, 1), stack(4, 3)];
    const { images, mask, labels } = padStacks(stacks);
    const sum = asymmetricLoss({ reduction: 'sum' });
    const sums = stacks.map((own) =>
      tf.tidy(
        () =>
          sum(tf.expandDims(own.labels!), ct.predict(tf.expandDims(own.images)) as tf.Tensor).dataSync()[0]!,
      ),
    );
    const expected = sums.reduce((all, one) => all + one, 0) / (5 * 5); // of 5 slices and 5 labels
    const logits = ct.predict(images) as tf.Tensor;
    expect(asymmetricLoss()(labels!, logits).dataSync()[0]).toBeCloseTo(expected, 6);
    const zeros = tf.maximum(labels!, 0); // the mask alone does it too
    expect(asymmetricLoss()(zeros, logits, mask).dataSync()[0]).toBeCloseTo(expected, 6);
    const { history } = await ct.fit(images, labels!, { epochs: 1, batchSize: 2, verbose: 0 });
    expect(history['loss']![0]).toBeCloseTo(expected, 5);
  });

  it('says which stack does not fit', () => {
    expect(() => padStacks([])).toThrow(ArgumentError);
    expect(() => padStacks([stack(2, 1), { images: tf.zeros([2, 8, SIZE, 1]) }])).toThrow(
      /padStacks: stacks\[1\]: images.*\[slices, 16, 16, 1\], as of stacks\[0\]/,
    );
    expect(() => padStacks([stack(2, 1), stack(2, 2, false)])).toThrow(/stacks\[1\]: labels.*\[2, 5\]/);
    expect(() => padStacks([stack(2, 1, false), stack(2, 2)])).toThrow(/stacks\[1\]: labels.*none/);
    expect(() => padStacks([stack(2, 1)], { padValue: NaN })).toThrow(/padStacks: padValue/);
  });

  it('leaks nothing', () => {
    const stacks = [stack(2, 1), stack(3, 2)];
    expectNoLeak(() => {
      const { images, mask, labels } = padStacks(stacks);
      tf.dispose([images, mask, labels!]);
    });
  });
});
