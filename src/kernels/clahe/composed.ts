import * as tf from '@tensorflow/tfjs';
import type { AxisBlend, ClaheAttrs, ClahePlan } from './contract';
import { BINS, greyValues, reflect101 } from './plan';

/** Histograms are counted as tables of this side: a grey value is `16 * high + low`. */
const HALF = 16;

/**
 * Kernel `CtClahe` as tensor operations, for backends whose values JavaScript cannot reach: the result is the same, and
 * nothing is read back.
 *
 * Planes are processed one by one; besides input and output this takes about 150 bytes per pixel of one plane. NaN
 * counts as the lowest grey value, since checking for it would require waiting for the device.
 */
export function claheTensors(images: tf.Tensor4D, attrs: ClaheAttrs): tf.Tensor4D {
  const [count, height, width, channels] = images.shape;
  return tf.tidy(() => {
    const tables = planTables(attrs);
    const planes = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, height, width]);
    const equalised: tf.Tensor2D[] = [];
    for (let i = 0; i < count * channels; i++) {
      equalised.push(
        tf.tidy(() => {
          const plane = tf.reshape(tf.slice(planes, [i, 0, 0], [1, -1, -1]), [height, width]);
          return equalise(toGrey(plane as tf.Tensor2D, attrs), attrs.plan, tables);
        }),
      );
    }
    return tf.transpose(tf.reshape(tf.stack(equalised), [count, channels, height, width]), [0, 2, 3, 1]);
  });
}

/** Tables that all planes share. */
interface Tables {
  mirroredRows: tf.Tensor1D;
  mirroredColumns: tf.Tensor1D;
  /** `[BINS, BINS]`: how many of `rest` clipped counts each bin receives. */
  spread: tf.Tensor2D;
  rows: AxisTables;
  columns: AxisTables;
  valueOfGrey: tf.Tensor1D;
}

/** Offsets of the tables before and after each position, and their weights, along one axis. */
interface AxisTables {
  first: tf.Tensor2D;
  second: tf.Tensor2D;
  firstWeight: tf.Tensor2D;
  secondWeight: tf.Tensor2D;
}

function planTables(attrs: ClaheAttrs): Tables {
  const { height, width, rows, columns, tileHeight, tileWidth, rowBlend, columnBlend } = attrs.plan;
  const mirror = (extended: number, length: number) =>
    tf.tensor1d(
      Int32Array.from({ length: extended }, (_, i) => reflect101(i, length)),
      'int32',
    );
  const spread = new Float32Array(BINS * BINS);
  for (let rest = 1; rest < BINS; rest++) {
    for (let i = 0; i < rest; i++) spread[rest * BINS + i * Math.floor(BINS / rest)] = 1;
  }
  return {
    mirroredRows: mirror(tileHeight * rows, height),
    mirroredColumns: mirror(tileWidth * columns, width),
    spread: tf.tensor2d(spread, [BINS, BINS]),
    rows: axisTables(rowBlend, rows, columns * BINS, [height, 1]),
    columns: axisTables(columnBlend, columns, BINS, [1, width]),
    valueOfGrey: tf.tensor1d(greyValues(attrs)),
  };
}

function axisTables(
  { tile, nextWeight }: AxisBlend,
  tiles: number,
  step: number,
  shape: [number, number],
): AxisTables {
  const offsets = (index: (before: number) => number) =>
    tf.tensor2d(
      tile.map((before) => index(before) * step),
      shape,
      'int32',
    );
  return {
    first: offsets((before) => Math.max(before, 0)),
    second: offsets((before) => Math.min(before + 1, tiles - 1)),
    firstWeight: tf.tensor2d(
      nextWeight.map((weight) => 1 - weight),
      shape,
    ),
    secondWeight: tf.tensor2d(nextWeight, shape),
  };
}

/** Grey values 0..255 of a plane, as float32. */
function toGrey(plane: tf.Tensor2D, { low, scale }: ClaheAttrs): tf.Tensor2D {
  const level = tf.add(tf.mul(tf.sub(plane, low), scale), 0.5);
  const positive = tf.where(tf.greater(level, 0), level, tf.zerosLike(level)); // false for NaN
  return tf.floor(tf.minimum(positive, BINS - 1));
}

function equalise(grey: tf.Tensor2D, plan: ClahePlan, tables: Tables): tf.Tensor2D {
  const { rows, columns } = tables;
  const luts = buildLuts(grey, plan, tables);
  const bins = tf.cast(grey, 'int32');
  const look = (row: tf.Tensor2D, column: tf.Tensor2D) =>
    tf.gather(luts, tf.add(tf.add(row, column), bins) as tf.Tensor2D);
  const blend = (a: tf.Tensor, b: tf.Tensor, { firstWeight, secondWeight }: AxisTables) =>
    tf.add(tf.mul(a, firstWeight), tf.mul(b, secondWeight));
  const above = blend(look(rows.first, columns.first), look(rows.first, columns.second), columns);
  const below = blend(look(rows.second, columns.first), look(rows.second, columns.second), columns);
  const equalised = tf.round(blend(above, below, rows)); // halves to even
  return tf.gather(tables.valueOfGrey, tf.cast(equalised, 'int32') as tf.Tensor2D) as unknown as tf.Tensor2D;
}

/** The look-up tables of all tiles, one after another. */
function buildLuts(grey: tf.Tensor2D, plan: ClahePlan, tables: Tables): tf.Tensor1D {
  const counts = histograms(grey, plan, tables);
  const kept = tf.minimum(counts, plan.clipCount);
  const excess = tf.sum(tf.sub(counts, kept), 1, true);
  const share = tf.floor(tf.mul(excess, 1 / BINS)); // a power of two: exact
  const rest = tf.cast(tf.sub(excess, tf.mul(share, BINS)), 'int32');
  const spread = tf.gather(tables.spread, tf.reshape(rest, [-1]) as tf.Tensor1D);
  const sums = tf.cumsum(tf.add(tf.add(kept, share), spread), 1);
  return tf.reshape(tf.round(tf.mul(sums, plan.lutScale)), [-1]) as tf.Tensor1D;
}

/** `[tiles, BINS]`, as matrix products of one-hot encoded half bytes, which needs no atomic operations. */
function histograms(grey: tf.Tensor2D, plan: ClahePlan, tables: Tables): tf.Tensor2D {
  const { height, width, rows, columns, tileHeight, tileWidth } = plan;
  let extended: tf.Tensor = grey;
  if (tileHeight * rows !== height || tileWidth * columns !== width) {
    extended = tf.gather(tf.gather(grey, tables.mirroredRows, 0), tables.mirroredColumns, 1);
  }
  const tiles = tf.transpose(tf.reshape(extended, [rows, tileHeight, columns, tileWidth]), [0, 2, 1, 3]);
  const pixels = tf.reshape(tiles, [rows * columns, tileHeight * tileWidth]);
  const high = tf.floor(tf.mul(pixels, 1 / HALF));
  const low = tf.sub(pixels, tf.mul(high, HALF));
  const oneHot = (x: tf.Tensor) =>
    tf.oneHot(tf.cast(x, 'int32') as tf.Tensor2D, HALF, 1, 0, 'float32') as tf.Tensor3D;
  const counts = tf.matMul(oneHot(high) as tf.Tensor, oneHot(low) as tf.Tensor, true);
  return tf.reshape(counts, [rows * columns, BINS]);
}
