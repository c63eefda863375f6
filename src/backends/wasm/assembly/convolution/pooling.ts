/** Pooling of `[images, height, width, channels]` to `[images, outHeight, outWidth, channels]`, a unit an image; NaN stays NaN. */
import { bytes } from '../simd';

/**
 * The largest pixel of each window, or the mean. Pixels beyond the edge do not count.
 *
 * @param mean - 1 for the mean, 0 for the largest.
 */
export function pool(
  image: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  mean: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideRow: i32,
  strideColumn: i32,
  top: i32,
  left: i32,
): void {
  const rowBytes = bytes(width * channels);
  x += <usize>(image * height) * rowBytes;
  y += bytes(image * outHeight * outWidth * channels);
  for (let p = 0; p < outHeight; p++) {
    const row = p * strideRow - top;
    const firstRow = max(0, row);
    const rows = min(height, row + windowHeight) - firstRow;
    for (let q = 0; q < outWidth; q++, y += bytes(channels)) {
      const column = q * strideColumn - left;
      const firstColumn = max(0, column);
      const columns = min(width, column + windowWidth) - firstColumn;
      const from = x + <usize>firstRow * rowBytes + bytes(firstColumn * channels);
      if (mean) meanOfWindow(from, y, rows, columns, rowBytes, channels);
      else largestOfWindow(from, y, rows, columns, rowBytes, channels);
    }
  }
}

/** `pmax` is one instruction where `max` takes seven, but ignores NaN, which is therefore detected separately. */
function largestOfWindow(x: usize, y: usize, rows: i32, columns: i32, rowBytes: usize, channels: i32): void {
  const pixelBytes = bytes(channels);
  const lowest = f32x4.splat(-Infinity);
  let c = 0;
  for (; c + 8 <= channels; c += 8) {
    let a = lowest;
    let b = lowest;
    let nanA = i32x4.splat(0);
    let nanB = nanA;
    for (let i = 0; i < rows; i++) {
      let from = x + bytes(c) + <usize>i * rowBytes;
      for (let j = 0; j < columns; j++, from += pixelBytes) {
        const v = v128.load(from);
        const w = v128.load(from, 16);
        a = f32x4.pmax(a, v);
        b = f32x4.pmax(b, w);
        nanA = v128.or(nanA, f32x4.ne(v, v));
        nanB = v128.or(nanB, f32x4.ne(w, w));
      }
    }
    // all bits set is a NaN
    v128.store(y + bytes(c), v128.or(a, nanA));
    v128.store(y + bytes(c), v128.or(b, nanB), 16);
  }
  for (; c < channels; c++) {
    let largest: f32 = -Infinity;
    for (let i = 0; i < rows; i++) {
      let from = x + bytes(c) + <usize>i * rowBytes;
      for (let j = 0; j < columns; j++, from += pixelBytes) largest = max<f32>(largest, load<f32>(from));
    }
    store<f32>(y + bytes(c), largest);
  }
}

function meanOfWindow(x: usize, y: usize, rows: i32, columns: i32, rowBytes: usize, channels: i32): void {
  const pixelBytes = bytes(channels);
  const share: f32 = <f32>1 / <f32>max(1, rows * columns);
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    let sum = f32x4.splat(0);
    for (let i = 0; i < rows; i++) {
      let from = x + bytes(c) + <usize>i * rowBytes;
      for (let j = 0; j < columns; j++, from += pixelBytes) sum = f32x4.add(sum, v128.load(from));
    }
    v128.store(y + bytes(c), f32x4.mul(sum, f32x4.splat(share)));
  }
  for (; c < channels; c++) {
    let sum: f32 = 0;
    for (let i = 0; i < rows; i++) {
      let from = x + bytes(c) + <usize>i * rowBytes;
      for (let j = 0; j < columns; j++, from += pixelBytes) sum += load<f32>(from);
    }
    store<f32>(y + bytes(c), sum * share);
  }
}

/**
 * Gradient of max pooling: each output's gradient goes to the first largest pixel of its window.
 *
 * @param x - `[images, height, width, channels]`; `dx` has the same shape.
 * @param dy - `[images, outHeight, outWidth, channels]`.
 */
export function maxPoolGradient(
  image: i32,
  _scratch: usize,
  x: usize,
  dy: usize,
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideRow: i32,
  strideColumn: i32,
  top: i32,
  left: i32,
): void {
  const before = bytes(image * height * width * channels);
  x += before;
  dx += before;
  dy += bytes(image * outHeight * outWidth * channels);
  memory.fill(dx, 0, bytes(height * width * channels));
  for (let p = 0; p < outHeight; p++) {
    const row = p * strideRow - top;
    const firstRow = max(0, row);
    const lastRow = min(height, row + windowHeight);
    for (let q = 0; q < outWidth; q++, dy += bytes(channels)) {
      const column = q * strideColumn - left;
      const firstColumn = max(0, column);
      const lastColumn = min(width, column + windowWidth);
      if (firstRow >= lastRow || firstColumn >= lastColumn) continue;
      const corner = bytes((firstRow * width + firstColumn) * channels);
      routeWindow(x + corner, dy, dx + corner, lastRow - firstRow, lastColumn - firstColumn, width, channels);
    }
  }
}

function routeWindow(
  x: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  columns: i32,
  width: i32,
  channels: i32,
): void {
  const pixelBytes = bytes(channels);
  const rowBytes = bytes(width * channels);
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    const at = bytes(c);
    let largest = v128.load(x + at);
    let where = i32x4.splat(0);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = v128.load(x + at + <usize>i * rowBytes + <usize>j * pixelBytes);
        // NaN counts as the largest, as in the forward pass
        const greater = v128.or(f32x4.gt(value, largest), f32x4.ne(value, value));
        largest = v128.bitselect(value, largest, greater);
        where = v128.bitselect(i32x4.splat(i * columns + j), where, greater);
      }
    }
    const gradient = v128.load(dy + at);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const to = dx + at + <usize>i * rowBytes + <usize>j * pixelBytes;
        const mine = i32x4.eq(where, i32x4.splat(i * columns + j));
        v128.store(to, f32x4.add(v128.load(to), v128.and(gradient, mine)));
      }
    }
  }
  for (; c < channels; c++) {
    const at = bytes(c);
    let largest = load<f32>(x + at);
    let where: usize = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const offset = <usize>i * rowBytes + <usize>j * pixelBytes;
        const value = load<f32>(x + at + offset);
        if (value > largest || value != value) {
          largest = value;
          where = offset;
        }
      }
    }
    store<f32>(dx + at + where, load<f32>(dx + at + where) + load<f32>(dy + at));
  }
}
