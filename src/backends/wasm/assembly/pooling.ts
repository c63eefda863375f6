import { bytes } from './simd';

/**
 * Gradient of max pooling: each output's gradient goes to the first largest pixel of its window.
 *
 * @param x - `[images, height, width, channels]`; `dx` has the same shape.
 * @param dy - `[images, outHeight, outWidth, channels]`.
 */
export function maxPoolGradient(
  x: usize,
  dy: usize,
  dx: usize,
  images: i32,
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
  memory.fill(dx, 0, bytes(images * height * width * channels));
  for (let n = 0; n < images; n++) {
    for (let p = 0; p < outHeight; p++) {
      const row = p * strideRow - top;
      const firstRow = max(0, row);
      const lastRow = min(height, row + windowHeight);
      for (let q = 0; q < outWidth; q++, dy += bytes(channels)) {
        const column = q * strideColumn - left;
        const firstColumn = max(0, column);
        const lastColumn = min(width, column + windowWidth);
        if (firstRow >= lastRow || firstColumn >= lastColumn) continue;
        const corner = bytes(((n * height + firstRow) * width + firstColumn) * channels);
        routeWindow(
          x + corner,
          dy,
          dx + corner,
          lastRow - firstRow,
          lastColumn - firstColumn,
          width,
          channels,
        );
      }
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
        const greater = f32x4.gt(value, largest);
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
        if (value > largest) {
          largest = value;
          where = offset;
        }
      }
    }
    store<f32>(dx + at + where, load<f32>(dx + at + where) + load<f32>(dy + at));
  }
}
