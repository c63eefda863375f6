/** Sigmoid and tanh of four numbers at a time, accurate to a few units in the last place; NaN stays NaN. */
import { expOfNegative } from '../math';
import { madd } from '../simd';

/** Magnitude below which tanh is computed by a polynomial, to avoid cancellation. */
const SMALL: f32 = 0.625;

/** `1 / (1 + e^-x)` with `e = e^-|x|`, which cannot overflow: `1 / (1 + e)`, or `e / (1 + e)` for negative x. */
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = expOfNegative(f32x4.neg(f32x4.abs(x)));
  const negative = f32x4.lt(x, f32x4.splat(0));
  return f32x4.div(v128.bitselect(e, one, negative), f32x4.add(one, e));
}

/** `(1 - e) / (1 + e)` with `e = e^-2|x|` and the sign of `x`; a polynomial near zero. */
export function tanh(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const one = f32x4.splat(1);
  const e = expOfNegative(f32x4.neg(f32x4.add(magnitude, magnitude)));
  const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
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
