/** Clamping and the larger or smaller of two, by which NaN stays NaN. */
import { bytes } from './simd';

/** `y = min(max(x, low), high)`; `pmax` and `pmin` keep the NaN of their first argument. */
export function clamp(x: usize, y: usize, count: i32, low: f32, high: f32): void {
  const l = f32x4.splat(low);
  const h = f32x4.splat(high);
  let i = 0;
  for (; i + 16 <= count; i += 16, x += 64, y += 64) {
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x), l), h));
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 16), l), h), 16);
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 32), l), h), 32);
    v128.store(y, f32x4.pmin(f32x4.pmax(v128.load(x, 48), l), h), 48);
  }
  for (; i < count; i++, x += 4, y += 4) {
    const value = load<f32>(x);
    store<f32>(y, value < low ? low : value > high ? high : value);
  }
}

/**
 * The larger (or, by `smaller` 1, the smaller) of `a` and `b`, NaN where either is.
 *
 * @param b - `count` values, or one where `stepB` is 0.
 */
export function extreme(a: usize, b: usize, y: usize, count: i32, stepB: i32, smaller: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = bytes(i);
    const left = v128.load(a + at);
    const right = stepB ? v128.load(b + at) : v128.load_splat<f32>(b);
    v128.store(y + at, smaller ? f32x4.min(left, right) : f32x4.max(left, right));
  }
  for (; i < count; i++) {
    const at = bytes(i);
    const left = load<f32>(a + at);
    const right = load<f32>(stepB ? b + at : b);
    store<f32>(y + at, smaller ? min<f32>(left, right) : max<f32>(left, right));
  }
}
