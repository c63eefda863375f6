/** Functions of four floats at once, with a relative error of about 1e-7; NaN gives NaN. */
import { madd, nmadd } from './simd';

/** `exp(x)` for x up to 0; below -104 it is 0. */
export function expOfNegative(x: v128): v128 {
  // at -110 the result is 0 already; pmax keeps the NaN of its first argument
  const clamped = f32x4.pmax(x, f32x4.splat(-110));
  // x = n ln 2 + r with |r| up to ln 2 / 2; ln 2 in two parts, of which the first times n is exact.
  // Adding 1.5 * 2^23 rounds a number to an integer, which is then in the last bits.
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(1.44269504)), f32x4.splat(12582912));
  const n = f32x4.sub(shifted, f32x4.splat(12582912));
  let r = nmadd(clamped, n, f32x4.splat(0.693359375));
  r = nmadd(r, n, f32x4.splat(-2.1219444e-4));
  // Cephes' polynomial for (exp(r) - 1 - r) / r²
  let p = f32x4.splat(1.98756915e-4);
  p = madd(f32x4.splat(1.3981999507e-3), p, r);
  p = madd(f32x4.splat(8.3334519073e-3), p, r);
  p = madd(f32x4.splat(4.1665795894e-2), p, r);
  p = madd(f32x4.splat(1.6666665459e-1), p, r);
  p = madd(f32x4.splat(5.0000001201e-1), p, r);
  p = madd(f32x4.add(r, f32x4.splat(1)), p, f32x4.mul(r, r));
  // times 2^n in two steps, for n beyond the smallest exponent
  const exponent = i32x4.sub(shifted, f32x4.splat(12582912));
  const half = i32x4.shr_s(exponent, 1);
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(exponent, half)));
}

/** `2^n` for n in -126 .. 127. */
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** `log((1 + z) / (1 - z))` for |z| up to 1/3, accurate also near 0. */
export function logOfRatio(z: v128): v128 {
  // 2 z (1 + z²/3 + z⁴/5 + ...)
  const y = f32x4.mul(z, z);
  let p = f32x4.splat(2.0 / 15);
  p = madd(f32x4.splat(2.0 / 13), p, y);
  p = madd(f32x4.splat(2.0 / 11), p, y);
  p = madd(f32x4.splat(2.0 / 9), p, y);
  p = madd(f32x4.splat(2.0 / 7), p, y);
  p = madd(f32x4.splat(2.0 / 5), p, y);
  p = madd(f32x4.splat(2.0 / 3), p, y);
  return madd(f32x4.add(z, z), f32x4.mul(p, y), z);
}

/** `log(1 + x)` for x in 0 .. 1. */
export function log1p(x: v128): v128 {
  return logOfRatio(f32x4.div(x, f32x4.add(x, f32x4.splat(2))));
}

/** `log(x)` for normal numbers above 0. */
export function log(x: v128): v128 {
  const k = binaryExponent(x);
  const m = i32x4.sub(x, i32x4.shl(k, 23));
  const one = f32x4.splat(1);
  const logM = logOfRatio(f32x4.div(f32x4.sub(m, one), f32x4.add(m, one)));
  return madd(logM, f32x4.convert_i32x4_s(k), f32x4.splat(LN2));
}

/** The integer k for which `x = m 2^k` with m from 2/3 to 4/3. */
export function binaryExponent(x: v128): v128 {
  return i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3f2aaaab)), 23);
}

export const LN2: f32 = 0.693147180559945;

/** Whether {@link wholePower} supports this exponent. */
export function isWhole(exponent: f32): bool {
  return exponent <= 16 && floor(exponent) == exponent;
}

/** `base ^ exponent` for an integer exponent of at least 0; 0 gives 1 everywhere. */
export function wholePower(base: v128, exponent: i32): v128 {
  let result = f32x4.splat(1);
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) result = f32x4.mul(result, base);
    base = f32x4.mul(base, base);
  }
  return result;
}
