import { bytes } from '../simd';

/** Grey values, and bins of a histogram. */
const BINS: i32 = 256;

/** Histograms kept beside one another, so that equal neighbours do not wait for each other's count to be stored. */
const PARTS: i32 = 4;
const PART_BYTES: usize = 1024;

/** Added to a whole number below it, this leaves the number in a float's lowest bits. */
const WHOLE: f32 = 8388608;

/**
 * Contrast limited adaptive histogram equalisation of one plane, in OpenCV's float32 arithmetic: no multiply-add may be
 * fused here.
 *
 * @param plane - Counted over images, then channels.
 * @param scratch - `clahePlaneScratch` bytes.
 * @param images - `[images, height, width, channels]`, as is `out`.
 * @param nan - An integer that becomes 1 if the plane has a value that is no number; nothing is written to `out` then.
 * @param rowTiles - Of each row, the tile whose centre is before it, -1 for none; `rowWeights` has the next tile's weight.
 */
export function clahePlane(
  plane: i32,
  scratch: usize,
  images: usize,
  out: usize,
  nan: usize,
  channels: i32,
  height: i32,
  width: i32,
  rows: i32,
  columns: i32,
  tileHeight: i32,
  tileWidth: i32,
  clipCount: i32,
  lutScale: f32,
  low: f32,
  scale: f32,
  span: f32,
  rowTiles: usize,
  rowWeights: usize,
  columnTiles: usize,
  columnWeights: usize,
): void {
  const stride = greyStride(width);
  const grey = scratch;
  const histogram = grey + <usize>(height * stride);
  const luts = histogram + <usize>PARTS * PART_BYTES;
  const cells = luts + <usize>(rows * columns * BINS);
  const columnCells = cells + bytes((columns + 1) * BINS);
  const start = bytes((plane / channels) * height * width * channels + (plane % channels));

  for (let y = 0; y < height; y++) {
    const row = images + start + bytes(y * width * channels);
    if (!greyRow(row, channels, grey + <usize>(y * stride), width, low, scale)) {
      store<i32>(nan, 1);
      return;
    }
  }
  for (let tile = 0; tile < rows * columns; tile++) {
    const top = (tile / columns) * tileHeight;
    const left = (tile % columns) * tileWidth;
    countTile(grey, stride, height, width, top, left, tileHeight, tileWidth, histogram);
    buildLut(histogram, luts + <usize>(tile * BINS), clipCount, lutScale);
  }
  for (let x = 0; x < width; x++) {
    store<i32>(columnCells + bytes(x), <i32>cells + ((load<i32>(columnTiles + bytes(x)) + 1) << 10));
  }
  let before = -2;
  for (let y = 0; y < height; y++) {
    const tile = load<i32>(rowTiles + bytes(y));
    if (tile !== before) buildCells(luts, cells, max(tile, 0), min(tile + 1, rows - 1), columns);
    before = tile;
    blendRow(
      grey + <usize>(y * stride),
      out + start + bytes(y * width * channels),
      channels,
      width,
      columnCells,
      columnWeights,
      load<f32>(rowWeights + bytes(y)),
      low,
      span,
    );
  }
}

/** Bytes that `clahePlane` works in. */
export function clahePlaneScratch(height: i32, width: i32, rows: i32, columns: i32): i32 {
  return (
    height * greyStride(width) +
    PARTS * <i32>PART_BYTES +
    rows * columns * BINS +
    4 * (columns + 1) * BINS +
    4 * width
  );
}

/** Bytes from one row of grey values to the next. */
function greyStride(width: i32): i32 {
  return (width + 15) & ~15;
}

/** Grey values of a row; false if one of its values is no number. */
function greyRow(x: usize, step: i32, grey: usize, width: i32, low: f32, scale: f32): bool {
  let i = 0;
  if (step === 1) {
    let odd = i32x4.splat(0);
    for (; i + 16 <= width; i += 16, x += 64, grey += 16) {
      const a = v128.load(x);
      const b = v128.load(x, 16);
      const c = v128.load(x, 32);
      const d = v128.load(x, 48);
      odd = v128.or(odd, v128.or(f32x4.ne(a, a), f32x4.ne(b, b)));
      odd = v128.or(odd, v128.or(f32x4.ne(c, c), f32x4.ne(d, d)));
      const ab = i16x8.narrow_i32x4_s(greys(a, low, scale), greys(b, low, scale));
      const cd = i16x8.narrow_i32x4_s(greys(c, low, scale), greys(d, low, scale));
      v128.store(grey, i8x16.narrow_i16x8_u(ab, cd));
    }
    if (v128.any_true(odd)) return false;
  }
  for (; i < width; i++, x += bytes(step), grey++) {
    const value = load<f32>(x);
    if (value !== value) return false;
    const level = (value - low) * scale + <f32>0.5;
    store<u8>(grey, level >= 255 ? 255 : level > 0 ? <i32>level : 0);
  }
  return true;
}

function greys(value: v128, low: f32, scale: f32): v128 {
  let level = f32x4.mul(f32x4.sub(value, f32x4.splat(low)), f32x4.splat(scale));
  level = f32x4.add(level, f32x4.splat(0.5));
  level = f32x4.pmin(f32x4.splat(255), f32x4.pmax(f32x4.splat(0), level));
  return lowestByte(f32x4.floor(level));
}

/** Whole numbers 0..255, from float to integer. */
function lowestByte(value: v128): v128 {
  return v128.and(f32x4.add(value, f32x4.splat(WHOLE)), i32x4.splat(255));
}

/** Counts a tile's grey values; beyond the lower and right border the plane goes on as its mirror image. */
function countTile(
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

/** Counts the grey value that stands in bits 2 to 9. */
function count(histogram: usize, bits: usize): void {
  const bin = histogram + (bits & 1020);
  store<u32>(bin, load<u32>(bin) + 1);
}

/** Position inside 0..length-1 of a mirror image whose edge pixel is not repeated. */
function mirrored(position: i32, length: i32): i32 {
  if (position < length) return position;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = position % period;
  return within < length ? within : period - within;
}

/** A tile's look-up table: its clipped, cumulated histogram scaled to 0..255. */
function buildLut(histogram: usize, lut: usize, clipCount: i32, scale: f32): void {
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
  // what was cut is spread evenly, the rest at even steps from bin 0
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
 * Of a row of pixels between two tiles' centres: for every pair of tiles left and right of a pixel, the four tables of
 * its corners beside one another, a byte each, so that one look-up finds all.
 */
function buildCells(luts: usize, cells: usize, upper: i32, lower: i32, columns: i32): void {
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

/** Each pixel of a row through the tables of its four nearest tiles, blended bilinearly. */
function blendRow(
  grey: usize,
  out: usize,
  step: i32,
  width: i32,
  columnCells: usize,
  columnWeights: usize,
  lowerWeight: f32,
  low: f32,
  span: f32,
): void {
  let x = 0;
  for (; x + 4 <= width; x += 4, out += bytes(4 * step)) {
    const four = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(grey + x)));
    const at = i32x4.add(i32x4.shl(four, 2), v128.load(columnCells + bytes(x)));
    let corners = v128.load32_zero(<usize>i32x4.extract_lane(at, 0));
    corners = v128.load32_lane(<usize>i32x4.extract_lane(at, 1), corners, 1);
    corners = v128.load32_lane(<usize>i32x4.extract_lane(at, 2), corners, 2);
    corners = v128.load32_lane(<usize>i32x4.extract_lane(at, 3), corners, 3);
    const values = blend(corners, v128.load(columnWeights + bytes(x)), lowerWeight, low, span);
    if (step === 1) {
      v128.store(out, values);
    } else {
      v128.store32_lane(out, values, 0);
      v128.store32_lane(out + bytes(step), values, 1);
      v128.store32_lane(out + bytes(2 * step), values, 2);
      v128.store32_lane(out + bytes(3 * step), values, 3);
    }
  }
  for (; x < width; x++, out += bytes(step)) {
    const cell = <usize>load<i32>(columnCells + bytes(x));
    const corners = v128.load32_zero(cell + bytes(<i32>load<u8>(grey + x)));
    const weight = v128.load32_zero(columnWeights + bytes(x));
    v128.store32_lane(out, blend(corners, weight, lowerWeight, low, span), 0);
  }
}

function blend(corners: v128, right: v128, lowerWeight: f32, low: f32, span: f32): v128 {
  const byte = i32x4.splat(255);
  const a = f32x4.convert_i32x4_s(v128.and(corners, byte));
  const b = f32x4.convert_i32x4_s(v128.and(i32x4.shr_u(corners, 8), byte));
  const c = f32x4.convert_i32x4_s(v128.and(i32x4.shr_u(corners, 16), byte));
  const d = f32x4.convert_i32x4_s(i32x4.shr_u(corners, 24));
  const left = f32x4.sub(f32x4.splat(1), right);
  const above = f32x4.add(f32x4.mul(a, left), f32x4.mul(b, right));
  const below = f32x4.add(f32x4.mul(c, left), f32x4.mul(d, right));
  const upperWeight: f32 = <f32>1 - lowerWeight;
  const grey = f32x4.nearest(
    f32x4.add(f32x4.mul(above, f32x4.splat(upperWeight)), f32x4.mul(below, f32x4.splat(lowerWeight))),
  );
  const value = f32x4.div(f32x4.mul(grey, f32x4.splat(span)), f32x4.splat(255));
  return f32x4.add(value, f32x4.splat(low));
}
