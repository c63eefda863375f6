import type * as tf from '@tensorflow/tfjs';

/** A convolution: `y[r, c] = sum over taps (i, j) of w[i, j] x[r * strideRow + i * dilationRow - top, …]`. */
export interface Geometry {
  height: number;
  width: number;
  channels: number;
  outHeight: number;
  outWidth: number;
  filters: number;
  tapRows: number;
  tapColumns: number;
  strideRow: number;
  strideColumn: number;
  dilationRow: number;
  dilationColumn: number;
  top: number;
  left: number;
}

/** Columns of a panel of a matrix product, as in `assembly/`. */
export const PANEL = 8;

/** Rounds up to the rows of whole tiles of a matrix product. */
export const wholeRows = (rows: number) => 4 * Math.ceil(rows / 4);

export function geometryOf(info: tf.backend_util.Conv2DInfo): Geometry {
  return {
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    filters: info.outChannels,
    tapRows: info.filterHeight,
    tapColumns: info.filterWidth,
    strideRow: info.strideHeight,
    strideColumn: info.strideWidth,
    dilationRow: info.dilationHeight,
    dilationColumn: info.dilationWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
  };
}

/** The convolution that computes the gradient of the input from that of the output, for stride 1. */
export function turned(geometry: Geometry): Geometry {
  const { tapRows, tapColumns, dilationRow, dilationColumn, top, left } = geometry;
  return {
    ...geometry,
    height: geometry.outHeight,
    width: geometry.outWidth,
    channels: geometry.filters,
    outHeight: geometry.height,
    outWidth: geometry.width,
    filters: geometry.channels,
    top: (tapRows - 1) * dilationRow - top,
    left: (tapColumns - 1) * dilationColumn - left,
  };
}

/** Operations after the sum over taps. */
export interface Epilogue {
  /** Address of a bias per filter, or 0. */
  bias: number;
  relu: boolean;
}

/** Convolves images at one address and writes the result to another. */
export type Plan = (from: number, to: number, images: number, epilogue: Epilogue) => void;

/** Operands of the gradient of the taps. */
export interface TapWork {
  from: number;
  gradient: number;
  to: number;
  images: number;
  /** Whether to add to the present values. */
  accumulate: boolean;
}

/** Steps from one channel and from one filter to the next in the memory of the taps, `[3, 3, in, out]`. */
export const stepsOfTaps = (turnedTaps: boolean, channels: number, filters: number) =>
  // the channels of the gradient are `out`
  turnedTaps ? { channelStep: 1, filterStep: channels } : { channelStep: filters, filterStep: 1 };
