import { bytes, madd } from '../simd';

/**
 * Resizes one image: first vertically, each row as a weighted sum of `rowTaps` rows, then horizontally.
 *
 * @param scratch - `resizeImageScratch` bytes.
 * @param rowFirst - The first source row of each new row; `rowWeights` is `[outHeight, rowTaps]`.
 * @param columnWeights - `[outWidth, columnTaps]`, `columnTaps` a multiple of four; taps beyond the last column count
 *   as pixels of value 0.
 */
export function resizeImage(
  image: i32,
  scratch: usize,
  images: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  rowTaps: i32,
  rowFirst: usize,
  rowWeights: usize,
  columnTaps: i32,
  columnFirst: usize,
  columnWeights: usize,
): void {
  const rowLength = width * channels;
  images += bytes(image * height * rowLength);
  out += bytes(image * outHeight * outWidth * channels);
  memory.fill(scratch + bytes(rowLength), 0, bytes(columnTaps * channels));
  for (let y = 0; y < outHeight; y++, out += bytes(outWidth * channels)) {
    const from = images + bytes(load<i32>(rowFirst + bytes(y)) * rowLength);
    sumRows(from, rowLength, rowWeights + bytes(y * rowTaps), rowTaps, scratch);
    if (channels === 1) sumColumns(scratch, out, outWidth, columnTaps, columnFirst, columnWeights);
    else sumPixels(scratch, out, outWidth, channels, columnTaps, columnFirst, columnWeights);
  }
}

/** Bytes of scratch memory for `resizeImage`. */
export function resizeImageScratch(width: i32, channels: i32, columnTaps: i32): i32 {
  return <i32>bytes((width + columnTaps) * channels);
}

function sumRows(rows: usize, length: i32, weights: usize, taps: i32, to: usize): void {
  const step = bytes(length);
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    let row = rows + bytes(i);
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    for (let t = 0; t < taps; t++, row += step) {
      const weight = v128.load32_splat(weights + bytes(t));
      low = madd(low, v128.load(row), weight);
      high = madd(high, v128.load(row, 16), weight);
    }
    v128.store(to + bytes(i), low);
    v128.store(to + bytes(i), high, 16);
  }
  for (; i < length; i++) {
    let sum: f32 = 0;
    for (let t = 0; t < taps; t++) {
      sum += load<f32>(rows + bytes(i) + <usize>t * step) * load<f32>(weights + bytes(t));
    }
    store<f32>(to + bytes(i), sum);
  }
}

function sumColumns(row: usize, out: usize, outWidth: i32, taps: i32, first: usize, weights: usize): void {
  let x = 0;
  for (; x + 4 <= outWidth; x += 4) {
    const a = dot(row, load<i32>(first + bytes(x)), weights + bytes(x * taps), taps);
    const b = dot(row, load<i32>(first + bytes(x + 1)), weights + bytes((x + 1) * taps), taps);
    const c = dot(row, load<i32>(first + bytes(x + 2)), weights + bytes((x + 2) * taps), taps);
    const d = dot(row, load<i32>(first + bytes(x + 3)), weights + bytes((x + 3) * taps), taps);
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 2, 6), v128.shuffle<f32>(a, b, 1, 5, 3, 7));
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 2, 6), v128.shuffle<f32>(c, d, 1, 5, 3, 7));
    const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    v128.store(out + bytes(x), sums);
  }
  sumPixels(row, out + bytes(x), outWidth - x, 1, taps, first + bytes(x), weights + bytes(x * taps));
}

/** Four partial sums of a pixel's taps. */
function dot(row: usize, first: i32, weights: usize, taps: i32): v128 {
  const from = row + bytes(first);
  let sum = f32x4.mul(v128.load(from), v128.load(weights));
  for (let t = 4; t < taps; t += 4) {
    sum = madd(sum, v128.load(from + bytes(t)), v128.load(weights + bytes(t)));
  }
  return sum;
}

function sumPixels(
  row: usize,
  out: usize,
  outWidth: i32,
  channels: i32,
  taps: i32,
  first: usize,
  weights: usize,
): void {
  for (let x = 0; x < outWidth; x++, weights += bytes(taps)) {
    const from = row + bytes(load<i32>(first + bytes(x)) * channels);
    for (let k = 0; k < channels; k++, out += 4) {
      let sum: f32 = 0;
      for (let t = 0; t < taps; t++) {
        sum += load<f32>(from + bytes(t * channels + k)) * load<f32>(weights + bytes(t));
      }
      store<f32>(out, sum);
    }
  }
}
