import { bytes } from './simd';

/**
 * Adam's step: `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g²`,
 * `w' = w - rate (m' / c1) / (sqrt(v' / c2) + epsilon)`, with `c1 = 1 - beta1^t` and `c2 = 1 - beta2^t`. Each operation is
 * rounded by itself, so that the result is the host's to the last digit. A unit is `perUnit` values.
 *
 * @param newW - `w` itself or another address; likewise `newM` and `newV`.
 * @param share1 - `1 - beta1`, which would lose digits if it were computed here; likewise `share2`.
 */
export function adamStep(
  unit: i32,
  _scratch: usize,
  perUnit: i32,
  count: i32,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  newW: usize,
  newM: usize,
  newV: usize,
  rate: f32,
  beta1: f32,
  share1: f32,
  beta2: f32,
  share2: f32,
  c1: f32,
  c2: f32,
  epsilon: f32,
): void {
  let i = unit * perUnit;
  const end = min(count, i + perUnit);
  for (; i + 4 <= end; i += 4) {
    const at = bytes(i);
    const gradient = v128.load(g + at);
    const mean = f32x4.add(
      f32x4.mul(f32x4.splat(beta1), v128.load(m + at)),
      f32x4.mul(f32x4.splat(share1), gradient),
    );
    const square = f32x4.add(
      f32x4.mul(f32x4.splat(beta2), v128.load(v + at)),
      f32x4.mul(f32x4.splat(share2), f32x4.mul(gradient, gradient)),
    );
    const scale = f32x4.add(f32x4.sqrt(f32x4.div(square, f32x4.splat(c2))), f32x4.splat(epsilon));
    const step = f32x4.div(f32x4.div(mean, f32x4.splat(c1)), scale);
    v128.store(newM + at, mean);
    v128.store(newV + at, square);
    v128.store(newW + at, f32x4.sub(v128.load(w + at), f32x4.mul(f32x4.splat(rate), step)));
  }
  for (; i < end; i++) {
    const at = bytes(i);
    const gradient = load<f32>(g + at);
    const mean = beta1 * load<f32>(m + at) + share1 * gradient;
    const square = beta2 * load<f32>(v + at) + share2 * (gradient * gradient);
    store<f32>(newM + at, mean);
    store<f32>(newV + at, square);
    store<f32>(newW + at, load<f32>(w + at) - rate * (mean / c1 / (sqrt<f32>(square / c2) + epsilon)));
  }
}

/** 1 if every value lies in `low..high`, otherwise 0, as for NaN. */
export function allWithin(values: usize, count: i32, low: f32, high: f32): i32 {
  const least = f32x4.splat(low);
  const most = f32x4.splat(high);
  let inside = i32x4.splat(-1);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const a = v128.load(values + bytes(i));
    const b = v128.load(values + bytes(i), 16);
    inside = v128.and(inside, v128.and(f32x4.ge(a, least), f32x4.le(a, most)));
    inside = v128.and(inside, v128.and(f32x4.ge(b, least), f32x4.le(b, most)));
  }
  if (!i32x4.all_true(inside)) return 0;
  for (; i < count; i++) {
    const value = load<f32>(values + bytes(i));
    if (!(value >= low && value <= high)) return 0;
  }
  return 1;
}
