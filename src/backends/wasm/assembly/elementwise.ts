/** Passes over memory that stand between convolutions: as fast as memory is, so each does all it can in one. */
import { bytes } from './simd';

/**
 * Backward through ReLU and bias at once: `dz = dy where y > 0, else 0`, and `db = sum of dz over rows`.
 *
 * @param dy - `[rows, columns]`, gradient of the ReLU's output `y`.
 * @param y - Output of the ReLU, or 0 for none: then nothing is written to `dz`.
 * @param db - `[columns]`, or 0 for none.
 */
export function reluBiasGradient(dy: usize, y: usize, dz: usize, db: usize, rows: i32, columns: i32): void {
  if (db) memory.fill(db, 0, bytes(columns));
  const zero = f32x4.splat(0);
  for (let i = 0; i < rows; i++) {
    let k = 0;
    for (; k + 4 <= columns; k += 4) {
      const at = bytes(k);
      let d = v128.load(dy + at);
      if (y) {
        d = v128.and(d, f32x4.gt(v128.load(y + at), zero));
        v128.store(dz + at, d);
      }
      if (db) v128.store(db + at, f32x4.add(v128.load(db + at), d));
    }
    for (; k < columns; k++) {
      const at = bytes(k);
      let d = load<f32>(dy + at);
      if (y) {
        if (!(load<f32>(y + at) > 0)) d = 0;
        store<f32>(dz + at, d);
      }
      if (db) store<f32>(db + at, load<f32>(db + at) + d);
    }
    dy += bytes(columns);
    y += y ? bytes(columns) : 0;
    dz += bytes(columns);
  }
}

/**
 * Adam's step: `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g²`,
 * `w' = w - rate (m' / c1) / (sqrt(v' / c2) + epsilon)`, with `c1 = 1 - beta1^t` and `c2 = 1 - beta2^t`. Each operation is
 * rounded by itself, so that the result is the host's to the last digit.
 *
 * @param newW - `w` itself or another place; so `newM` and `newV`.
 * @param share1 - `1 - beta1`, which would lose digits if it were computed here; so `share2`.
 */
export function adamStep(
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
  let i = 0;
  for (; i + 4 <= count; i += 4) {
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
  for (; i < count; i++) {
    const at = bytes(i);
    const gradient = load<f32>(g + at);
    const mean = beta1 * load<f32>(m + at) + share1 * gradient;
    const square = beta2 * load<f32>(v + at) + share2 * (gradient * gradient);
    store<f32>(newM + at, mean);
    store<f32>(newV + at, square);
    store<f32>(newW + at, load<f32>(w + at) - rate * (mean / c1 / (sqrt<f32>(square / c2) + epsilon)));
  }
}
