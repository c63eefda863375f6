/** Tiles of pixels and their transform, for {@link winogradConvolve} and the gradient of its taps. */
import { bytes } from '../simd';
import { inputTransform, pointsOf } from './winograd_transforms';

/** Bytes of a vector. */
export const VECTOR: usize = 16;
/** Buffers for a tile of vectors, 6x6 at most: one between the two passes of a transform, one for its result. */
export const BETWEEN: usize = 36 * VECTOR;
export const TEMPORARY: usize = 2 * BETWEEN;

/** Padding of rows, so that those of one tile do not all map to the same cache lines. */
export const SPACER: i32 = 16;

/** Bytes of one point's matrix `[rows][columns + spacer]`. */
export function matrixBytes(rows: i32, columns: i32): usize {
  return bytes(rows * (columns + SPACER) + SPACER);
}

/** Transforms the tile of pixels whose upper left corner is at (row, column). */
export function inputTile(
  size: i32,
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
  const points = pointsOf(size);
  const pixelBytes = bytes(channels);
  let rowBytes = bytes(width * channels);
  let from = x + bytes((row * width + column) * channels);
  if (row < 0 || column < 0 || row + points > height || column + points > width) {
    copyTile(x, height, width, pixelBytes, row, column, points, edge);
    from = edge;
    rowBytes = <usize>points * pixelBytes;
  }
  const lineBytes = <usize>points * VECTOR;
  for (let c = 0; c < channels; c += 4) {
    for (let j = 0; j < points; j++) {
      inputTransform(size, from + <usize>j * pixelBytes, rowBytes, between + <usize>j * VECTOR, lineBytes);
    }
    for (let i = 0; i < points; i++) {
      inputTransform(size, between + <usize>i * lineBytes, VECTOR, to + <usize>(i * points) * matrix, matrix);
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
