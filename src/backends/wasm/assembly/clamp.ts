/** Clamping, its gradient, and the larger or smaller of two, by which NaN stays NaN. A unit is `perUnit` values. */
import { bytes } from './simd';

/** `y = min(max(x, low), high)`; `pmax` and `pmin` keep the NaN of their first argument. */
export function clamp(
  unit: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  count: i32,
  perUnit: i32,
  low: f32,
  high: f32,
): void {
  const l = f32x4.splat(low);
  const h = f32x4.splat(high);
  let i = unit * perUnit;
  const end = min(count, i + perUnit);
  x += bytes(i);
  y += bytes(i);
  for (; i + 16 <= end; i += 16, x += 64, y += 64) {
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x), l), h));
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 16), l), h), 16);
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 32), l), h), 32);
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 48), l), h), 48);
  }
  for (; i < end; i++, x += 4, y += 4) {
    const value = load<f32>(x);
    store<f32>(y, value < low ? low : value > high ? high : value);
  }
}

/** Backward through ReLU: `dz = 0 where y <= 0, NaN where y is, else dy`; `y` is its output. */
export function reluGradient(
  unit: i32,
  _scratch: usize,
  dy: usize,
  y: usize,
  dz: usize,
  count: i32,
  perUnit: i32,
): void {
  const zero = f32x4.splat(0);
  let i = unit * perUnit;
  const end = min(count, i + perUnit);
  for (; i + 4 <= end; i += 4) {
    const at = bytes(i);
    const v = v128.load(y + at);
    const d = v128.andnot(v128.load(dy + at), f32x4.le(v, zero));
    v128.store(dz + at, v128.or(d, f32x4.ne(v, v))); // all bits set are a NaN
  }
  for (; i < end; i++) {
    const at = bytes(i);
    const v = load<f32>(y + at);
    store<f32>(dz + at, v <= 0 ? 0 : v != v ? v : load<f32>(dy + at));
  }
}

/**
 * The larger (with `smaller` 1 the smaller) of `a` and `b`, NaN where either is.
 *
 * @param b - `count` values, or one if `stepB` is 0.
 */
export function extreme(
  unit: i32,
  _scratch: usize,
  a: usize,
  b: usize,
  y: usize,
  count: i32,
  perUnit: i32,
  stepB: i32,
  smaller: i32,
): void {
  let i = unit * perUnit;
  const end = min(count, i + perUnit);
  for (; i + 4 <= end; i += 4) {
    const at = bytes(i);
    const left = v128.load(a + at);
    const right = stepB ? v128.load(b + at) : v128.load_splat<f32>(b);
    v128.store(y + at, smaller ? f32x4.min(left, right) : f32x4.max(left, right));
  }
  for (; i < end; i++) {
    const at = bytes(i);
    const left = load<f32>(a + at);
    const right = load<f32>(stepB ? b + at : b);
    store<f32>(y + at, smaller ? min<f32>(left, right) : max<f32>(left, right));
  }
}
