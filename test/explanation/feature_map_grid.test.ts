import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { squeezenet1_1 } from '../../src/backbones/squeezenet1_1';
import { enlargeMaps, featureMapGrid } from '../../src/explanation/feature_map_grid';
import { FusedConv2D } from '../../src/layers/fused/fused_conv2d';
import { resize } from '../../src/transforms/resize';
import { expectClose, expectNoLeak } from '../support/matchers';

const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
  layer.apply(x) as tf.SymbolicTensor;
const conv = (kernelSize: number, strides: number, padding: 'same' | 'valid', dilationRate = 1) =>
  new FusedConv2D({ filters: 1, kernelSize, strides, padding, dilationRate, kernelInitializer: 'ones' });
const pool = (poolSize: number, strides: number, padding: 'same' | 'valid') =>
  tf.layers.averagePooling2d({ poolSize, strides, padding });

/** The middle of the pixels that a cell depends on, by trying each pixel of a row. */
function middleOfSeen(model: tf.LayersModel, size: number, cell: number): number {
  const seen = tf.tidy(() => {
    const pixels = tf.reshape(tf.eye(size), [size, 1, size, 1]);
    const output = model.predict(tf.tile(pixels, [1, size, 1, 1])) as tf.Tensor4D;
    const row = Math.floor(output.shape[1] / 2);
    return [...tf.slice(output, [0, row, cell, 0], [size, 1, 1, 1]).dataSync()];
  });
  const places = seen.flatMap((value, pixel) => (value === 0 ? [] : [pixel]));
  return (places[0]! + places.at(-1)!) / 2;
}

describe('featureMapGrid', () => {
  const size = 40;
  const chains: [string, (x: tf.SymbolicTensor) => tf.SymbolicTensor][] = [
    ['strided, same', (x) => apply(conv(3, 2, 'same'), apply(conv(3, 2, 'same'), x))],
    ['strided, valid', (x) => apply(pool(3, 2, 'valid'), apply(conv(5, 3, 'valid'), x))],
    [
      'padded by itself',
      (x) => apply(conv(7, 2, 'valid'), apply(tf.layers.zeroPadding2d({ padding: 3 }), x)),
    ],
    ['padded unevenly', (x) => apply(pool(3, 2, 'valid'), apply(tf.layers.zeroPadding2d({ padding: [[0, 1], [4, 1]] }), x))], // prettier-ignore
    ['pooled, same, beside a layer that changes nothing', (x) => apply(tf.layers.reLU(), apply(pool(2, 2, 'same'), x))], // prettier-ignore
    ['dilated', (x) => apply(pool(2, 2, 'valid'), apply(conv(3, 1, 'valid', 3), x))],
    ['branched', (x) => apply(tf.layers.add(), [apply(conv(3, 2, 'same'), x), apply(pool(3, 2, 'same'), x)])],
  ];

  it.each(chains)('is where a cell sees the image: %s', (_, chain) => {
    const input = tf.input({ shape: [size, size, 1] });
    const place = chain(input);
    const [, columns] = featureMapGrid(place, [size, size]);
    const model = tf.model({ inputs: input, outputs: place });
    for (const cell of [2, 3, 4])
      expect(columns.first + cell * columns.step).toBe(middleOfSeen(model, size, cell));
  });

  it('spreads cells evenly where a layer does not say how it changes the size', () => {
    const input = tf.input({ shape: [size, size, 1] });
    const place = apply(tf.layers.upSampling2d({ size: [2, 2] }), apply(pool(4, 4, 'valid'), input));
    expect(featureMapGrid(place, [size, size])).toEqual([{ first: 0.5, step: 2 }, { first: 0.5, step: 2 }]); // prettier-ignore
  });

  it('knows rows from columns, and takes the size that images have where the model leaves it free', () => {
    const input = tf.input({ shape: [null, null, 1] });
    const place = apply(conv(3, 2, 'same'), input);
    expect(featureMapGrid(place, [8, 9])).toEqual([{ first: 1, step: 2 }, { first: 0, step: 2 }]); // prettier-ignore
  });

  it('is that of a real backbone', () => {
    const backbone = squeezenet1_1({ inputShape: [64, 64, 1] });
    const place = backbone.getLayer('features.12').output as tf.SymbolicTensor;
    expect(featureMapGrid(place, [64, 64])).toEqual([{ first: 15, step: 16 }, { first: 15, step: 16 }]); // prettier-ignore
  });
});

describe('enlargeMaps', () => {
  const maps = tf.randomUniform([2, 3, 4], 0, 1, 'float32', 1) as tf.Tensor3D;

  it('is bilinear resizing where cells are spread evenly', () => {
    const even = (from: number, to: number) => ({ first: (to / from - 1) / 2, step: to / from });
    const enlarged = enlargeMaps(maps, [even(3, 15), even(4, 10)], [15, 10]);
    expectClose(enlarged, tf.squeeze(resize(tf.expandDims(maps, 3), [15, 10]), [3]), 1e-5);
    expectNoLeak(() => enlargeMaps(maps, [even(3, 15), even(4, 10)], [15, 10]));
  });

  it('has the values of the cells at their centres, and beyond the outermost', () => {
    const grid = [{ first: 2, step: 3 }, { first: 0, step: 2 }] as const; // prettier-ignore
    const large = enlargeMaps(maps, grid, [12, 9]).arraySync();
    (maps.arraySync() as number[][][]).forEach((map, n) => {
      map.forEach((row, i) =>
        row.forEach((value, j) => expect(large[n]![2 + 3 * i]![2 * j]).toBeCloseTo(value, 6)),
      );
      expect(large[n]![0]![0]).toBeCloseTo(map[0]![0]!, 6);
      expect(large[n]![11]![8]).toBeCloseTo(map[2]![3]!, 6);
    });
  });
});
