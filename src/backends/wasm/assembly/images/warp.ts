import { jitterImage } from './color_jitter';
import { bytes, LANES, madd } from '../simd';

/**
 * Source positions of one row of the output, for `warpImage`.
 *
 * The position in the image, as if resized to the output's size, is `(ax + by + c, dx + ey + f)`. For each row are
 * stored: the range of pixels that are not entirely outside, then for each pixel the address it reads, the distances
 * from there towards the right and the lower neighbour, and its coverage: within one pixel of the edge, image and
 * `fill` are blended.
 *
 * @param places - `warpPlacesBytes` per row.
 * @param matrix - `a .. f`, as f64.
 * @param nearest - 1 to read the nearest pixel instead.
 */
export function warpPlaces(
  y: i32,
  _scratch: usize,
  places: usize,
  matrix: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  nearest: i32,
): void {
  places += <usize>(y * warpPlacesBytes(outWidth));
  const step = bytes(padded(outWidth));
  const two = f64x2.replace_lane(f64x2.splat(0), 1, 1);
  const a = f64x2.splat(load<f64>(matrix));
  const c = f64x2.splat(load<f64>(matrix, 8) * <f64>y + load<f64>(matrix, 16));
  const d = f64x2.splat(load<f64>(matrix, 24));
  const f = f64x2.splat(load<f64>(matrix, 32) * <f64>y + load<f64>(matrix, 40));
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
    const at = places + 16 + bytes(x);
    const pixel = f64x2.add(f64x2.mul(top, f64x2.splat(<f64>width)), left);
    storeWhole(at, f64x2.mul(pixel, f64x2.splat(<f64>bytes(channels))));
    storeFloats(at + step, clamp(f64x2.sub(sourceX, left), 1));
    storeFloats(at + 2 * step, clamp(f64x2.sub(sourceY, top), 1));
    storeFloats(at + 3 * step, cover);
  }
  store<i32>(places, begin);
  store<i32>(places, end, 4);
}

/** Bytes of a row's positions. */
export function warpPlacesBytes(outWidth: i32): i32 {
  return 16 + 4 * <i32>bytes(padded(outWidth));
}

/**
 * Reads every pixel of an image bilinearly at its position, and optionally applies `jitterImage`.
 *
 * @param images - `[count, height, width, channels]`; `out` is `[count, outHeight, outWidth, channels]`.
 * @param lit - 1 for brightness and contrast.
 */
export function warpImage(
  image: i32,
  scratch: usize,
  images: usize,
  out: usize,
  places: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  fill: f32,
  lit: i32,
  brightness: f32,
  contrast: f32,
): void {
  const right = width > 1 ? bytes(channels) : 0;
  const below = height > 1 ? bytes(width * channels) : 0;
  const from = images + bytes(image * height * width * channels);
  let row = out + bytes(image * outHeight * outWidth * channels);
  for (let y = 0; y < outHeight; y++, row += bytes(outWidth * channels)) {
    const begin = load<i32>(places);
    const end = load<i32>(places, 4);
    fillWith(row, begin * channels, fill);
    if (channels === 1 && width > 1) readRow(from, row, places, begin, end, outWidth, below, fill);
    else readPixels(from, row, places, begin, end, outWidth, channels, right, below, fill);
    fillWith(row + bytes(end * channels), (outWidth - end) * channels, fill);
    places += <usize>warpPlacesBytes(outWidth);
  }
  if (lit) jitterImage(image, scratch, out, out, outHeight * outWidth, channels, brightness, contrast);
}

/** Pixels of images with one channel, where a pixel and its right neighbour are loaded together. */
function readRow(
  image: usize,
  row: usize,
  places: usize,
  begin: i32,
  end: i32,
  outWidth: i32,
  below: usize,
  fill: f32,
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
    const values = blend(
      v128.shuffle<f32>(top01, top23, 0, 2, 4, 6),
      v128.shuffle<f32>(top01, top23, 1, 3, 5, 7),
      v128.shuffle<f32>(low01, low23, 0, 2, 4, 6),
      v128.shuffle<f32>(low01, low23, 1, 3, 5, 7),
      v128.load(at + step),
      v128.load(at + 2 * step),
      v128.load(at + 3 * step),
      fill,
    );
    v128.store(row + bytes(x), values);
  }
  readPixels(image, row, places, x, end, outWidth, 1, 4, below, fill);
}

function readPixels(
  image: usize,
  row: usize,
  places: usize,
  begin: i32,
  end: i32,
  outWidth: i32,
  channels: i32,
  right: usize,
  below: usize,
  fill: f32,
): void {
  const step = bytes(padded(outWidth));
  for (let x = begin; x < end; x++) {
    const at = places + 16 + bytes(x);
    for (let k = 0; k < channels; k++) {
      const pixel = image + load<u32>(at) + bytes(k);
      const value = blend(
        v128.load32_zero(pixel),
        v128.load32_zero(pixel + right),
        v128.load32_zero(pixel + below),
        v128.load32_zero(pixel + below + right),
        v128.load32_zero(at + step),
        v128.load32_zero(at + 2 * step),
        v128.load32_zero(at + 3 * step),
        fill,
      );
      v128.store32_lane(row + bytes(x * channels + k), value, 0);
    }
  }
}

function blend(
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  toRight: v128,
  toBottom: v128,
  cover: v128,
  fill: f32,
): v128 {
  const one = f32x4.splat(1);
  const toLeft = f32x4.sub(one, toRight);
  const above = madd(f32x4.mul(a, toLeft), b, toRight);
  const below = madd(f32x4.mul(c, toLeft), d, toRight);
  const inside = madd(f32x4.mul(above, f32x4.sub(one, toBottom)), below, toBottom);
  return madd(f32x4.mul(f32x4.sub(one, cover), f32x4.splat(fill)), inside, cover);
}

function fillWith(to: usize, count: i32, value: f32): void {
  const last = to + bytes(count);
  for (; to + 16 <= last; to += 16) v128.store(to, f32x4.splat(value));
  for (; to < last; to += 4) store<f32>(to, value);
}

function padded(n: i32): i32 {
  return (n + LANES - 1) & ~(LANES - 1);
}

/** 1 on the pixels of an axis, falling to 0 over one pixel beyond. */
function coverOf(position: v128, length: i32): v128 {
  const one = f64x2.splat(1);
  const within = f64x2.pmin(f64x2.add(position, one), f64x2.sub(f64x2.splat(<f64>length), position));
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(one, within));
}

/** From pixel coordinates of the resized image to those of the image. */
function inSource(position: v128, length: i32, outLength: i32): v128 {
  if (length === outLength) return position;
  const half = f64x2.splat(0.5);
  const ratio = f64x2.splat(<f64>length / <f64>outLength);
  return f64x2.sub(f64x2.mul(f64x2.add(position, half), ratio), half);
}

/** Clamped to 0..`high`; 0 if `high` is negative. */
function clamp(value: v128, high: i32): v128 {
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(f64x2.splat(<f64>high), value));
}

/** Stores two integers below 2^32, four bytes each: added to 2^52 they are in the lowest bits of the float. */
function storeWhole(to: usize, values: v128): void {
  const bits = f64x2.add(values, f64x2.splat(4503599627370496));
  v128.store64_lane(to, v128.shuffle<i32>(bits, bits, 0, 2, 0, 2), 0);
}

function storeFloats(to: usize, values: v128): void {
  v128.store64_lane(to, f32x4.demote_f64x2_zero(values), 0);
}
