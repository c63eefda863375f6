/** Tiles of pixels, of sums and of taps and their transforms, for Winograd's convolutions and the gradient of their taps. */
import { PANEL } from '../matrix/matmul';
import { bytes, loadStrided } from '../simd';
import {
  filterTransform,
  inputTransform,
  outputTransform,
  POINTS,
  SIZE,
  tapTransform,
  VALUES,
} from './winograd_transforms';

/** Bytes of a vector. */
export const VECTOR: usize = 16;
/** Buffers for a tile of vectors: one between the two passes of a transform, one for its result. */
export const BETWEEN: usize = <usize>VALUES * VECTOR;
export const TEMPORARY: usize = 2 * BETWEEN;

/** Padding of rows, so that those of one tile do not all map to the same cache lines. */
export const SPACER: i32 = 16;

/** Bytes of one point's matrix `[rows][columns + spacer]`. */
export function matrixBytes(rows: i32, columns: i32): usize {
  return bytes(rows * (columns + SPACER) + SPACER);
}

/** Transforms the tile of pixels whose upper left corner is at (row, column). */
export function inputTile(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  row: i32,
  column: i32,
  between: usize,
  edge: usize,
  to: usize,
  matrix: usize,
): void {
  const pixelBytes = bytes(channels);
  let rowBytes = bytes(width * channels);
  let from = x + bytes((row * width + column) * channels);
  if (row < 0 || column < 0 || row + POINTS > height || column + POINTS > width) {
    copyTile(x, height, width, pixelBytes, row, column, POINTS, edge);
    from = edge;
    rowBytes = <usize>POINTS * pixelBytes;
  }
  const lineBytes = <usize>POINTS * VECTOR;
  for (let c = 0; c < channels; c += 4) {
    for (let j = 0; j < POINTS; j++) {
      inputTransform(from + <usize>j * pixelBytes, rowBytes, between + <usize>j * VECTOR, lineBytes);
    }
    for (let i = 0; i < POINTS; i++) {
      inputTransform(between + <usize>i * lineBytes, VECTOR, to + <usize>(i * POINTS) * matrix, matrix);
    }
    from += VECTOR;
    to += VECTOR;
  }
}

/** Copies a tile of pixels into contiguous memory, zero outside the image. */
export function copyTile(
  x: usize,
  height: i32,
  width: i32,
  pixelBytes: usize,
  row: i32,
  column: i32,
  points: i32,
  to: usize,
): void {
  for (let i = row; i < row + points; i++) {
    for (let j = column; j < column + points; j++) {
      if (i >= 0 && i < height && j >= 0 && j < width) {
        memory.copy(to, x + <usize>(i * width + j) * pixelBytes, pixelBytes);
      } else {
        memory.fill(to, 0, pixelBytes);
      }
      to += pixelBytes;
    }
  }
}

/**
 * Transformed taps of the 8 filters of a panel, `[channels][8]` for each point, zero for filters beyond the last.
 *
 * @param taps - As in {@link winogradFilter}.
 * @param matrix - Bytes from one point to the next.
 */
export function filterPanel(
  panel: i32,
  scratch: usize,
  taps: usize,
  channels: i32,
  filters: i32,
  channelStep: i32,
  filterStep: i32,
  turned: i32,
  out: usize,
  matrix: usize,
): void {
  const tapBytes = bytes(channels * filters);
  const between = scratch + 9 * VECTOR;
  for (let half = 0; half < PANEL; half += 4) {
    const filter = panel * PANEL + half;
    for (let c = 0; c < channels; c++) {
      const to = out + bytes(c * PANEL + half);
      if (filter >= filters) {
        for (let q = 0; q < VALUES; q++) v128.store(to + <usize>q * matrix, f32x4.splat(0));
        continue;
      }
      let from = taps + bytes(c * channelStep + filter * filterStep);
      for (let tap = 0; tap < 9; tap++) {
        const place = scratch + <usize>(turned ? 8 - tap : tap) * VECTOR;
        v128.store(place, filterStep == 1 ? v128.load(from) : loadStrided(from, bytes(filterStep)));
        from += tapBytes;
      }
      for (let j = 0; j < 3; j++) {
        filterTransform(scratch + <usize>j * VECTOR, 3 * VECTOR, between + <usize>j * VECTOR, 3 * VECTOR); // prettier-ignore
      }
      for (let i = 0; i < POINTS; i++) {
        filterTransform(between + <usize>(3 * i) * VECTOR, VECTOR, to + <usize>(i * POINTS) * matrix, matrix); // prettier-ignore
      }
    }
  }
}

/**
 * Transforms the sums of a tile back for `count` filters, a multiple of 4, adds the bias, and stores the part that lies in the
 * image.
 *
 * @param y - The image at the first of these filters, of `filters` in a pixel.
 */
export function outputTile(
  from: usize,
  matrix: usize,
  between: usize,
  bias: usize,
  relu: i32,
  y: usize,
  height: i32,
  width: i32,
  filters: i32,
  count: i32,
  row: i32,
  column: i32,
): void {
  const rows = min(SIZE, height - row);
  const columns = min(SIZE, width - column);
  const lineBytes = <usize>POINTS * VECTOR;
  const line = between + BETWEEN;
  const corner = y + bytes((row * width + column) * filters);
  for (let k: usize = 0; k < bytes(count); k += VECTOR) {
    for (let j = 0; j < POINTS; j++) {
      const column = from + k + <usize>j * matrix;
      outputTransform(column, <usize>POINTS * matrix, between + <usize>j * VECTOR, lineBytes);
    }
    const b = bias ? v128.load(bias + k) : f32x4.splat(0);
    for (let i = 0; i < rows; i++) {
      outputTransform(between + <usize>i * lineBytes, VECTOR, line, VECTOR);
      let to = corner + bytes(i * width * filters) + k;
      for (let j = 0; j < columns; j++) {
        let value = f32x4.add(v128.load(line + <usize>j * VECTOR), b);
        if (relu) value = f32x4.pmax(value, f32x4.splat(0)); // keeps NaN
        v128.store(to, value);
        to += bytes(filters);
      }
    }
  }
}

/**
 * The gradient of nine taps of four filters, from that of the points.
 *
 * @param matrix - Bytes from one point to the next.
 * @param tapBytes - Bytes from one tap to the next.
 */
export function storeTaps(
  from: usize,
  matrix: usize,
  between: usize,
  to: usize,
  tapBytes: usize,
  accumulate: i32,
): void {
  const lineBytes = <usize>POINTS * VECTOR;
  const taps = between + BETWEEN;
  for (let j = 0; j < POINTS; j++) {
    tapTransform(from + <usize>j * matrix, <usize>POINTS * matrix, between + <usize>j * VECTOR, lineBytes);
  }
  for (let i = 0; i < 3; i++) {
    tapTransform(between + <usize>i * lineBytes, VECTOR, taps + <usize>(3 * i) * VECTOR, VECTOR);
  }
  for (let tap: usize = 0; tap < 9; tap++) {
    const value = v128.load(taps + tap * VECTOR);
    v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value);
    to += tapBytes;
  }
}
