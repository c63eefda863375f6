/** Histograms and look-up tables of the tiles of a plane. */
import { bytes } from '../simd';

/** Grey values, and bins of a histogram. */
export const BINS: i32 = 256;

/** Separate histograms for neighbouring pixels, so that equal ones do not wait for each other's count to be stored. */
export const PARTS: i32 = 4;
export const PART_BYTES: usize = 1024;

/** Added to a smaller integer, this leaves the integer in the lowest bits of the float. */
const WHOLE: f32 = 8388608;

/** Converts integers 0..255 from float to i32. */
export function lowestByte(value: v128): v128 {
  return v128.and(f32x4.add(value, f32x4.splat(WHOLE)), i32x4.splat(255));
}

/** Counts a tile's grey values; the plane is extended by reflection at its lower and right border. */
export function countTile(
  grey: usize,
  stride: i32,
  height: i32,
  width: i32,
  top: i32,
  left: i32,
  tileHeight: i32,
  tileWidth: i32,
  histogram: usize,
): void {
  memory.fill(histogram, 0, <usize>PARTS * PART_BYTES);
  const right = left + tileWidth;
  for (let y = top; y < top + tileHeight; y++) {
    const row = grey + <usize>(mirrored(y, height) * stride);
    let x = left;
    for (; x + 8 <= min(right, width); x += 8) {
      const eight = load<u64>(row + x);
      count(histogram, <usize>(eight << 2));
      count(histogram + PART_BYTES, <usize>(eight >> 6));
      count(histogram + 2 * PART_BYTES, <usize>(eight >> 14));
      count(histogram + 3 * PART_BYTES, <usize>(eight >> 22));
      count(histogram, <usize>(eight >> 30));
      count(histogram + PART_BYTES, <usize>(eight >> 38));
      count(histogram + 2 * PART_BYTES, <usize>(eight >> 46));
      count(histogram + 3 * PART_BYTES, <usize>(eight >> 54));
    }
    for (; x < right; x++) count(histogram, (<usize>load<u8>(row + mirrored(x, width))) << 2);
  }
}

/** Counts the grey value in bits 2 to 9. */
function count(histogram: usize, bits: usize): void {
  const bin = histogram + (bits & 1020);
  store<u32>(bin, load<u32>(bin) + 1);
}

/** Position in 0..length-1 of a reflected pixel, without repeating the edge. */
function mirrored(position: i32, length: i32): i32 {
  if (position < length) return position;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = position % period;
  return within < length ? within : period - within;
}

/** A tile's look-up table: its clipped, cumulative histogram scaled to 0..255. */
export function buildLut(histogram: usize, lut: usize, clipCount: i32, scale: f32): void {
  const limit = i32x4.splat(clipCount);
  let cut = i32x4.splat(0);
  for (let bin = 0; bin < BINS; bin += 4) {
    const at = histogram + bytes(bin);
    const all = i32x4.add(
      i32x4.add(v128.load(at), v128.load(at, PART_BYTES)),
      i32x4.add(v128.load(at, 2 * PART_BYTES), v128.load(at, 3 * PART_BYTES)),
    );
    const kept = i32x4.min_s(all, limit);
    cut = i32x4.add(cut, i32x4.sub(all, kept));
    v128.store(at, kept);
  }
  const excess =
    i32x4.extract_lane(cut, 0) +
    i32x4.extract_lane(cut, 1) +
    i32x4.extract_lane(cut, 2) +
    i32x4.extract_lane(cut, 3);
  // the excess is spread evenly, the remainder at even steps from bin 0
  const rest = excess % BINS;
  const step = rest === 0 ? BINS : BINS / rest;
  for (let i = 0; i < rest; i++) {
    const at = histogram + bytes(i * step);
    store<i32>(at, load<i32>(at) + 1);
  }
  const share = i32x4.splat(excess / BINS);
  let sum = i32x4.splat(0);
  for (let bin = 0; bin < BINS; bin += 4) {
    let sums = i32x4.add(v128.load(histogram + bytes(bin)), share);
    sums = i32x4.add(sums, v128.shuffle<i32>(i32x4.splat(0), sums, 0, 4, 5, 6));
    sums = i32x4.add(sums, v128.shuffle<i32>(i32x4.splat(0), sums, 0, 1, 4, 5));
    sums = i32x4.add(sums, sum);
    sum = v128.shuffle<i32>(sums, sums, 3, 3, 3, 3);
    const values = f32x4.nearest(f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.splat(scale)));
    const halves = i16x8.narrow_i32x4_s(lowestByte(values), values);
    v128.store32_lane(lut + bin, i8x16.narrow_i16x8_u(halves, halves), 0);
  }
}

/**
 * Interleaves the tables for the rows of pixels between two tiles' centres: for every pair of tiles left and right of a
 * pixel, the tables of its four corners, one byte each, so that a single look-up finds all.
 */
export function buildCells(luts: usize, cells: usize, upper: i32, lower: i32, columns: i32): void {
  for (let k = 0; k <= columns; k++) {
    const left = max(k - 1, 0);
    const right = min(k, columns - 1);
    const a = luts + <usize>((upper * columns + left) * BINS);
    const b = luts + <usize>((upper * columns + right) * BINS);
    const c = luts + <usize>((lower * columns + left) * BINS);
    const d = luts + <usize>((lower * columns + right) * BINS);
    for (let bin: usize = 0; bin < <usize>BINS; bin += 16, cells += 64) {
      const va = v128.load(a + bin);
      const vb = v128.load(b + bin);
      const vc = v128.load(c + bin);
      const vd = v128.load(d + bin);
      const ab = interleaveLow(va, vb);
      const cd = interleaveLow(vc, vd);
      const abHigh = interleaveHigh(va, vb);
      const cdHigh = interleaveHigh(vc, vd);
      v128.store(cells, v128.shuffle<i16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(cells, v128.shuffle<i16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      v128.store(cells, v128.shuffle<i16>(abHigh, cdHigh, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(cells, v128.shuffle<i16>(abHigh, cdHigh, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    }
  }
}

function interleaveLow(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function interleaveHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
