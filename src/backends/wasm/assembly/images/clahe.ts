import { bytes } from '../simd';
import { BINS, buildCells, buildLut, countTile, lowestByte, PART_BYTES, PARTS } from './clahe_tables';

/**
 * Contrast limited adaptive histogram equalisation of one plane, in OpenCV's float32 arithmetic, without fused
 * multiply-add.
 *
 * @param plane - Counted over images, then channels.
 * @param scratch - `clahePlaneScratch` bytes.
 * @param images - `[images, height, width, channels]`, as is `out`.
 * @param nan - An integer that is set to 1 if the plane contains NaN; nothing is written to `out` then.
 * @param rowTiles - For each row the tile whose centre is before it, -1 for none; `rowWeights` is the weight of the
 * next tile.
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

/** Bytes of scratch memory for `clahePlane`. */
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

/** Grey values of a row; false if the row contains NaN. */
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

/** Maps each pixel of a row through the tables of its four nearest tiles, blended bilinearly. */
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
