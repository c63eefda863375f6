/** Sigmoid and tanh of four numbers at a time, right to a few units in the last place; NaN stays NaN. */
import { madd, nmadd } from './simd';

/** Beyond these the result, or its inverse, has no normal float. */
const LARGEST: f32 = 88.37;
const SMALLEST: f32 = -87.33;
/** ln 2 in two parts, the first of few bits, so that a whole multiple of it is exact. */
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;
/** Below this, tanh is computed without a difference of nearly equal numbers. */
const SMALL: f32 = 0.625;

/** `1.5 * 2^23`: added to a small number, leaves its nearest whole number in the lowest bits. */
const ROUNDING: f32 = 12582912;
const ONE_BITS: i32 = 0x3f800000;
const MANTISSA_BITS: i32 = 23;

/** `e^x`, as Cephes has it: `2^n e^r` with `|r| <= ln(2) / 2`. */
function exponential(x: v128): v128 {
  // these two give their first number where that is NaN
  const within = f32x4.pmax(f32x4.pmin(x, f32x4.splat(LARGEST)), f32x4.splat(SMALLEST));
  const rounded = madd(f32x4.splat(ROUNDING), within, f32x4.splat(1.44269504));
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDING));
  const r = nmadd(nmadd(within, n, f32x4.splat(LN2_HIGH)), n, f32x4.splat(LN2_LOW));
  let p = f32x4.splat(1.9875691e-4);
  p = madd(f32x4.splat(1.3981999e-3), p, r);
  p = madd(f32x4.splat(8.3334519e-3), p, r);
  p = madd(f32x4.splat(4.1665796e-2), p, r);
  p = madd(f32x4.splat(1.6666665e-1), p, r);
  p = madd(f32x4.splat(0.5), p, r);
  const e = f32x4.add(madd(r, p, f32x4.mul(r, r)), f32x4.splat(1));
  const power = i32x4.add(i32x4.shl(rounded, MANTISSA_BITS), i32x4.splat(ONE_BITS));
  return f32x4.mul(e, power);
}

/** `1 / (1 + e^-x)`. */
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exponential(f32x4.neg(x))));
}

/** `1 - 2 / (1 + e^2|x|)` with the sign of `x`; a polynomial near zero. */
export function tanh(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const one = f32x4.splat(1);
  const e = exponential(f32x4.add(magnitude, magnitude));
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(one, e)));
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498873e-3);
  p = madd(f32x4.splat(2.06390888e-2), p, square);
  p = madd(f32x4.splat(-5.37397156e-2), p, square);
  p = madd(f32x4.splat(1.33314422e-1), p, square);
  p = madd(f32x4.splat(-3.33332819e-1), p, square);
  const near = madd(x, f32x4.mul(p, square), x);
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, f32x4.splat(SMALL)));
}
