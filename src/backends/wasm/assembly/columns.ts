/**
 * Passes over `[rows, columns]`, a channel a column: what stands between convolutions. They are as fast as memory is, so
 * each does all it can in one pass.
 */
import { bytes, LANES } from './simd';
import { sumRows } from './sums';

/** Rows summed by themselves before they are added to the total, so that long sums stay exact. */
const BLOCK: i32 = 512;

/**
 * Backward through ReLU and bias at once: `dz = 0 where y <= 0, else dy`, also where `y` is NaN, and
 * `db = sum of dz over rows`.
 *
 * @param y - Output of the ReLU.
 * @param partial - Room for `columns` floats.
 */
export function reluBiasGradient(
  dy: usize,
  y: usize,
  dz: usize,
  db: usize,
  partial: usize,
  rows: i32,
  columns: i32,
): void {
  const zero = f32x4.splat(0);
  memory.fill(db, 0, bytes(columns));
  for (let first = 0; first < rows; first += BLOCK) {
    memory.fill(partial, 0, bytes(columns));
    for (let i = first; i < min(rows, first + BLOCK); i++) {
      let k = 0;
      for (; k + LANES <= columns; k += LANES) {
        const at = bytes(k);
        const d = v128.andnot(v128.load(dy + at), f32x4.le(v128.load(y + at), zero));
        v128.store(dz + at, d);
        v128.store(partial + at, f32x4.add(v128.load(partial + at), d));
      }
      for (; k < columns; k++) {
        const at = bytes(k);
        const d: f32 = load<f32>(y + at) <= 0 ? 0 : load<f32>(dy + at);
        store<f32>(dz + at, d);
        store<f32>(partial + at, load<f32>(partial + at) + d);
      }
      dy += bytes(columns);
      y += bytes(columns);
      dz += bytes(columns);
    }
    addTo(db, partial, columns);
  }
}

function addTo(sums: usize, partial: usize, columns: i32): void {
  for (let k = 0; k < columns; k++) {
    const at = bytes(k);
    store<f32>(sums + at, load<f32>(sums + at) + load<f32>(partial + at));
  }
}

/**
 * Sums over rows of `dy` and of `dy (x - centre)`.
 *
 * @param centre - `[columns]`.
 * @param partial - Room for `2 columns` floats.
 */
export function columnDots(
  dy: usize,
  x: usize,
  centre: usize,
  sums: usize,
  dots: usize,
  partial: usize,
  rows: i32,
  columns: i32,
): void {
  const products = partial + bytes(columns);
  memory.fill(sums, 0, bytes(columns));
  memory.fill(dots, 0, bytes(columns));
  for (let first = 0; first < rows; first += BLOCK) {
    memory.fill(partial, 0, bytes(2 * columns));
    for (let i = first; i < min(rows, first + BLOCK); i++) {
      let k = 0;
      for (; k + LANES <= columns; k += LANES) {
        const at = bytes(k);
        const d = v128.load(dy + at);
        const p = f32x4.mul(d, f32x4.sub(v128.load(x + at), v128.load(centre + at)));
        v128.store(partial + at, f32x4.add(v128.load(partial + at), d));
        v128.store(products + at, f32x4.add(v128.load(products + at), p));
      }
      for (; k < columns; k++) {
        const at = bytes(k);
        const d = load<f32>(dy + at);
        const p = d * (load<f32>(x + at) - load<f32>(centre + at));
        store<f32>(partial + at, load<f32>(partial + at) + d);
        store<f32>(products + at, load<f32>(products + at) + p);
      }
      dy += bytes(columns);
      x += bytes(columns);
    }
    addTo(sums, partial, columns);
    addTo(dots, products, columns);
  }
}

/**
 * Mean and variance over rows, in two passes: one alone loses the variance of what lies far from zero.
 *
 * @param partial - Room for `columns` doubles.
 */
export function columnMoments(
  x: usize,
  mean: usize,
  variance: usize,
  partial: usize,
  rows: i32,
  columns: i32,
): void {
  const share: f32 = 1 / <f32>rows;
  sumRows(x, mean, rows, columns, partial);
  for (let k = 0; k < columns; k++) store<f32>(mean + bytes(k), load<f32>(mean + bytes(k)) * share);
  columnSquares(x, mean, variance, partial, rows, columns);
  for (let k = 0; k < columns; k++) store<f32>(variance + bytes(k), load<f32>(variance + bytes(k)) * share);
}

/** Sums over rows of `(x - centre)²`. */
function columnSquares(x: usize, centre: usize, sums: usize, partial: usize, rows: i32, columns: i32): void {
  memory.fill(sums, 0, bytes(columns));
  for (let first = 0; first < rows; first += BLOCK) {
    memory.fill(partial, 0, bytes(columns));
    for (let i = first; i < min(rows, first + BLOCK); i++) {
      let k = 0;
      for (; k + LANES <= columns; k += LANES) {
        const at = bytes(k);
        const d = f32x4.sub(v128.load(x + at), v128.load(centre + at));
        v128.store(partial + at, f32x4.add(v128.load(partial + at), f32x4.mul(d, d)));
      }
      for (; k < columns; k++) {
        const at = bytes(k);
        const d = load<f32>(x + at) - load<f32>(centre + at);
        store<f32>(partial + at, load<f32>(partial + at) + d * d);
      }
      x += bytes(columns);
    }
    addTo(sums, partial, columns);
  }
}

/** `y = x scale + shift`, both `[columns]`. */
export function scaleShift(x: usize, scale: usize, shift: usize, y: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    let k = 0;
    for (; k + LANES <= columns; k += LANES) {
      const at = bytes(k);
      const scaled = f32x4.mul(v128.load(x + at), v128.load(scale + at));
      v128.store(y + at, f32x4.add(scaled, v128.load(shift + at)));
    }
    for (; k < columns; k++) {
      const at = bytes(k);
      store<f32>(y + at, load<f32>(x + at) * load<f32>(scale + at) + load<f32>(shift + at));
    }
    x += bytes(columns);
    y += bytes(columns);
  }
}

/** `out = dy a + x b + c`, all three `[columns]`. */
export function combine(
  dy: usize,
  x: usize,
  a: usize,
  b: usize,
  c: usize,
  out: usize,
  rows: i32,
  columns: i32,
): void {
  for (let i = 0; i < rows; i++) {
    let k = 0;
    for (; k + LANES <= columns; k += LANES) {
      const at = bytes(k);
      const first = f32x4.mul(v128.load(dy + at), v128.load(a + at));
      const second = f32x4.mul(v128.load(x + at), v128.load(b + at));
      v128.store(out + at, f32x4.add(f32x4.add(first, second), v128.load(c + at)));
    }
    for (; k < columns; k++) {
      const at = bytes(k);
      const sum = load<f32>(dy + at) * load<f32>(a + at) + load<f32>(x + at) * load<f32>(b + at);
      store<f32>(out + at, sum + load<f32>(c + at));
    }
    dy += bytes(columns);
    x += bytes(columns);
    out += bytes(columns);
  }
}

/** Copies `[rows, count]` out of rows of `fromColumns` into rows of `toColumns`. */
export function copyColumns(
  from: usize,
  fromColumns: i32,
  to: usize,
  toColumns: i32,
  count: i32,
  rows: i32,
): void {
  for (let i = 0; i < rows; i++) {
    let k = 0;
    for (; k + LANES <= count; k += LANES) v128.store(to + bytes(k), v128.load(from + bytes(k)));
    for (; k < count; k++) store<f32>(to + bytes(k), load<f32>(from + bytes(k)));
    from += bytes(fromColumns);
    to += bytes(toColumns);
  }
}
