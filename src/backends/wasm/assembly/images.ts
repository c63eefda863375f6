/** Passes over image stacks: reading elsewhere, resizing, lighting. */
import { bytes, LANES, madd } from './simd';

/** Rows of a band: few enough that where they read and what they weigh stays in the nearest cache. */
const BAND: i32 = 8;

/**
 * Every pixel of a band of rows, in all images, read bilinearly at another place.
 *
 * The place in the image, as it would be if resized to the output's size, is `(ax + by + c, dx + ey + f)`; what lies
 * outside of it is `fill`, and over one pixel's width along the edge the two mix. Places and weights are found once for
 * all images.
 *
 * @param matrix - `a .. f`, as f64.
 * @param images - `[count, height, width, channels]`; `out` is `[count, outHeight, outWidth, channels]`.
 * @param nearest - 1 to read the nearest pixel instead.
 */
export function warpBand(
  band: i32,
  scratch: usize,
  images: usize,
  out: usize,
  matrix: usize,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  fill: f32,
  nearest: i32,
): void {
  const first = band * BAND;
  const last = min(first + BAND, outHeight);
  const rowBytes = placeBytes(outWidth);
  for (let y = first; y < last; y++) {
    const places = scratch + <usize>(y - first) * rowBytes;
    findPlaces(places, y, matrix, height, width, channels, outHeight, outWidth, fill, nearest);
  }
  const right = width > 1 ? bytes(channels) : 0;
  const below = height > 1 ? bytes(width * channels) : 0;
  const imageBytes = bytes(height * width * channels);
  for (let n = 0; n < count; n++, images += imageBytes) {
    for (let y = first; y < last; y++) {
      const places = scratch + <usize>(y - first) * rowBytes;
      const row = out + bytes((n * outHeight + y) * outWidth * channels);
      const begin = load<i32>(places);
      const end = load<i32>(places, 4);
      fillWith(row, begin * channels, fill);
      if (channels === 1 && width > 1) readRow(images, row, places, begin, end, outWidth, below);
      else readChannels(images, row, places, begin, end, outWidth, channels, right, below);
      fillWith(row + bytes(end * channels), (outWidth - end) * channels, fill);
    }
  }
}

/** Bytes that `warpBand` works in. */
export function warpBandScratch(outWidth: i32): i32 {
  return BAND * <i32>placeBytes(outWidth);
}

/** Bands of an image. */
export function warpBands(outHeight: i32): i32 {
  return (outHeight + BAND - 1) / BAND;
}

/** For one row: which pixels are not all outside, then of each its place and the weights of four pixels and of `fill`. */
function placeBytes(outWidth: i32): usize {
  return 16 + 6 * bytes(padded(outWidth));
}

function padded(n: i32): i32 {
  return (n + LANES - 1) & ~(LANES - 1);
}

function findPlaces(
  places: usize,
  y: i32,
  matrix: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  fill: f32,
  nearest: i32,
): void {
  const step = bytes(padded(outWidth));
  const two = f64x2.replace_lane(f64x2.splat(0), 1, 1);
  const a = f64x2.splat(load<f64>(matrix));
  const c = f64x2.splat(load<f64>(matrix, 8) * <f64>y + load<f64>(matrix, 16));
  const d = f64x2.splat(load<f64>(matrix, 24));
  const f = f64x2.splat(load<f64>(matrix, 32) * <f64>y + load<f64>(matrix, 40));
  const one = f64x2.splat(1);
  let begin = 0;
  let end = 0;
  for (let x = 0; x < outWidth; x += 2) {
    const xs = f64x2.add(f64x2.splat(<f64>x), two);
    let atX = f64x2.add(f64x2.mul(a, xs), c);
    let atY = f64x2.add(f64x2.mul(d, xs), f);
    if (nearest) {
      atX = f64x2.floor(f64x2.add(atX, f64x2.splat(0.5)));
      atY = f64x2.floor(f64x2.add(atY, f64x2.splat(0.5)));
    }
    const cover = f64x2.mul(coverOf(atX, outWidth), coverOf(atY, outHeight));
    const covered = i64x2.bitmask(f64x2.gt(cover, f64x2.splat(0)));
    if (covered === 0) continue;
    if (end === 0) begin = x + (covered === 2 ? 1 : 0);
    end = min(outWidth, x + (covered === 1 ? 1 : 2));
    const sourceX = inSource(atX, width, outWidth);
    const sourceY = inSource(atY, height, outHeight);
    const left = clamp(f64x2.floor(sourceX), width - 2);
    const top = clamp(f64x2.floor(sourceY), height - 2);
    const toRight = clamp(f64x2.sub(sourceX, left), 1);
    const bottom = f64x2.mul(cover, clamp(f64x2.sub(sourceY, top), 1));
    const upper = f64x2.sub(cover, bottom);
    const pixel = f64x2.add(f64x2.mul(top, f64x2.splat(<f64>width)), left);
    const at = places + 16 + bytes(x);
    storeWhole(at, f64x2.mul(pixel, f64x2.splat(<f64>bytes(channels))));
    const toLeft = f64x2.sub(one, toRight);
    storeFloats(at + step, f64x2.mul(upper, toLeft));
    storeFloats(at + 2 * step, f64x2.mul(upper, toRight));
    storeFloats(at + 3 * step, f64x2.mul(bottom, toLeft));
    storeFloats(at + 4 * step, f64x2.mul(bottom, toRight));
    storeFloats(at + 5 * step, f64x2.mul(f64x2.sub(one, cover), f64x2.splat(<f64>fill)));
  }
  store<i32>(places, begin);
  store<i32>(places, end, 4);
}

/** 1 on an axis' pixels, falling to 0 over one pixel beyond. */
function coverOf(position: v128, length: i32): v128 {
  const one = f64x2.splat(1);
  const within = f64x2.pmin(f64x2.add(position, one), f64x2.sub(f64x2.splat(<f64>length), position));
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(one, within));
}

/** From pixels of the resized image to those of the image, by centres. */
function inSource(position: v128, length: i32, outLength: i32): v128 {
  if (length === outLength) return position;
  const half = f64x2.splat(0.5);
  const ratio = f64x2.splat(<f64>length / <f64>outLength);
  return f64x2.sub(f64x2.mul(f64x2.add(position, half), ratio), half);
}

/** Into 0 to `high`; to 0 where that is negative. */
function clamp(value: v128, high: i32): v128 {
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(f64x2.splat(<f64>high), value));
}

/** Stores two whole numbers below 2^32, four bytes each: added to 2^52 they stand in a float's lowest bits. */
function storeWhole(to: usize, values: v128): void {
  const bits = f64x2.add(values, f64x2.splat(4503599627370496));
  v128.store64_lane(to, v128.shuffle<i32>(bits, bits, 0, 2, 0, 2), 0);
}

function storeFloats(to: usize, values: v128): void {
  v128.store64_lane(to, f32x4.demote_f64x2_zero(values), 0);
}

function fillWith(to: usize, count: i32, value: f32): void {
  const last = to + bytes(count);
  for (; to + 16 <= last; to += 16) v128.store(to, f32x4.splat(value));
  for (; to < last; to += 4) store<f32>(to, value);
}

/** Images of one channel, where a pixel and its right neighbour are loaded together. */
function readRow(
  image: usize,
  row: usize,
  places: usize,
  begin: i32,
  end: i32,
  outWidth: i32,
  below: usize,
): void {
  const step = bytes(padded(outWidth));
  let x = begin;
  for (; x + 4 <= end; x += 4) {
    const at = places + 16 + bytes(x);
    const p0 = image + load<u32>(at);
    const p1 = image + load<u32>(at, 4);
    const p2 = image + load<u32>(at, 8);
    const p3 = image + load<u32>(at, 12);
    const top01 = v128.load64_lane(p1, v128.load64_zero(p0), 1);
    const top23 = v128.load64_lane(p3, v128.load64_zero(p2), 1);
    const low01 = v128.load64_lane(p1 + below, v128.load64_zero(p0 + below), 1);
    const low23 = v128.load64_lane(p3 + below, v128.load64_zero(p2 + below), 1);
    let sum = v128.load(at + 5 * step);
    sum = madd(sum, v128.shuffle<f32>(top01, top23, 0, 2, 4, 6), v128.load(at + step));
    sum = madd(sum, v128.shuffle<f32>(top01, top23, 1, 3, 5, 7), v128.load(at + 2 * step));
    sum = madd(sum, v128.shuffle<f32>(low01, low23, 0, 2, 4, 6), v128.load(at + 3 * step));
    sum = madd(sum, v128.shuffle<f32>(low01, low23, 1, 3, 5, 7), v128.load(at + 4 * step));
    v128.store(row + bytes(x), sum);
  }
  readChannels(image, row, places, x, end, outWidth, 1, 4, below);
}

function readChannels(
  image: usize,
  row: usize,
  places: usize,
  begin: i32,
  end: i32,
  outWidth: i32,
  channels: i32,
  right: usize,
  below: usize,
): void {
  const step = bytes(padded(outWidth));
  for (let x = begin; x < end; x++) {
    const at = places + 16 + bytes(x);
    for (let k = 0; k < channels; k++) {
      const pixel = image + load<u32>(at) + bytes(k);
      let sum = load<f32>(at + 5 * step);
      sum += load<f32>(pixel) * load<f32>(at + step);
      sum += load<f32>(pixel + right) * load<f32>(at + 2 * step);
      sum += load<f32>(pixel + below) * load<f32>(at + 3 * step);
      sum += load<f32>(pixel + below + right) * load<f32>(at + 4 * step);
      store<f32>(row + bytes(x * channels + k), sum);
    }
  }
}

/**
 * One image resized: rows first, each a weighted sum of `rowTaps` rows, then columns.
 *
 * @param scratch - `resizeImageScratch` bytes.
 * @param rowFirst - The first row that each new row takes; `rowWeights` is `[outHeight, rowTaps]`.
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

/** Bytes that `resizeImage` works in. */
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

/**
 * Brightness, then contrast, of one image: `y = clip(brightness * x)`, then `clip(contrast * y + (1 - contrast) * m)`,
 * `m` being the mean of `y`, by luminance for three channels.
 */
export function jitterImage(
  image: i32,
  scratch: usize,
  images: usize,
  out: usize,
  pixels: i32,
  channels: i32,
  brightness: f32,
  contrast: f32,
): void {
  const length = pixels * channels;
  images += bytes(image * length);
  out += bytes(image * length);
  let offset: f32 = 0;
  if (contrast !== 1) {
    offset = <f32>((1 - <f64>contrast) * brightMean(images, pixels, channels, brightness));
  }
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const bright = clip(f32x4.mul(v128.load(images + bytes(i)), f32x4.splat(brightness)));
    const lit = f32x4.add(f32x4.mul(bright, f32x4.splat(contrast)), f32x4.splat(offset));
    v128.store(out + bytes(i), clip(lit));
  }
  for (; i < length; i++) {
    const bright = clip(f32x4.splat(load<f32>(images + bytes(i)) * brightness));
    const lit = f32x4.add(f32x4.mul(bright, f32x4.splat(contrast)), f32x4.splat(offset));
    store<f32>(out + bytes(i), f32x4.extract_lane(clip(lit), 0));
  }
}

/** Into 0..1; what is no number stays none. */
function clip(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(1));
}

function brightMean(image: usize, pixels: i32, channels: i32, brightness: f32): f64 {
  const factor = f32x4.splat(brightness);
  let sum: f64 = 0;
  if (channels === 3) {
    for (let i = 0; i < pixels; i++, image += 12) {
      const bright = clip(f32x4.mul(v128.load64_zero(image), factor));
      const blue = clip(f32x4.splat(load<f32>(image, 8) * brightness));
      sum +=
        0.2989 * <f64>f32x4.extract_lane(bright, 0) +
        0.587 * <f64>f32x4.extract_lane(bright, 1) +
        0.114 * <f64>f32x4.extract_lane(blue, 0);
    }
    return sum / <f64>pixels;
  }
  const length = pixels * channels;
  let i = 0;
  while (i + 4 <= length) {
    // short runs of float sums, so that a large image loses no precision
    const stop = min(length, i + 1024);
    let partial = f32x4.splat(0);
    for (; i + 4 <= stop; i += 4) {
      partial = f32x4.add(partial, clip(f32x4.mul(v128.load(image + bytes(i)), factor)));
    }
    sum += <f64>f32x4.extract_lane(partial, 0) + <f64>f32x4.extract_lane(partial, 1);
    sum += <f64>f32x4.extract_lane(partial, 2) + <f64>f32x4.extract_lane(partial, 3);
  }
  for (; i < length; i++) {
    sum += <f64>f32x4.extract_lane(clip(f32x4.splat(load<f32>(image + bytes(i)) * brightness)), 0);
  }
  return sum / <f64>length;
}
