/**
 * Passes over `[rows, columns]`, a channel a column: what stands between convolutions. They are as fast as memory is, so
 * each does all it can in one pass. A unit is `rowsPerUnit` rows, the last one fewer.
 */
import { bytes, LANES } from './simd';

/**
 * Backward through ReLU and bias at once: `dz = 0 where y <= 0, else dy`, also where `y` is NaN, and sums of `dz` over
 * the unit's rows.
 *
 * @param y - Output of the ReLU.
 * @param partial - `columns` sums for each unit.
 */
export function reluBiasGradient(
  unit: i32,
  _scratch: usize,
  dy: usize,
  y: usize,
  dz: usize,
  partial: usize,
  rows: i32,
  columns: i32,
  rowsPerUnit: i32,
): void {
  const zero = f32x4.splat(0);
  const first = unit * rowsPerUnit;
  const before = bytes(columns) * first;
  dy += before;
  y += before;
  dz += before;
  partial += bytes(columns) * unit;
  memory.fill(partial, 0, bytes(columns));
  for (let i = first; i < min(rows, first + rowsPerUnit); i++) {
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
}

/**
 * Sums of `dy` and of `dy (x - centre)` over the unit's rows.
 *
 * @param centre - `[columns]`.
 * @param partial - `2 columns` sums for each unit.
 */
export function columnDots(
  unit: i32,
  _scratch: usize,
  dy: usize,
  x: usize,
  centre: usize,
  partial: usize,
  rows: i32,
  columns: i32,
  rowsPerUnit: i32,
): void {
  const first = unit * rowsPerUnit;
  const before = bytes(columns) * first;
  dy += before;
  x += before;
  partial += 2 * bytes(columns) * unit;
  const products = partial + bytes(columns);
  memory.fill(partial, 0, 2 * bytes(columns));
  for (let i = first; i < min(rows, first + rowsPerUnit); i++) {
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
}

/**
 * Sums of `(x - centre)²` over the unit's rows.
 *
 * @param partial - `columns` sums for each unit.
 */
export function columnSquares(
  unit: i32,
  _scratch: usize,
  x: usize,
  centre: usize,
  partial: usize,
  rows: i32,
  columns: i32,
  rowsPerUnit: i32,
): void {
  const first = unit * rowsPerUnit;
  x += bytes(columns) * first;
  partial += bytes(columns) * unit;
  memory.fill(partial, 0, bytes(columns));
  for (let i = first; i < min(rows, first + rowsPerUnit); i++) {
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
}

/**
 * `out = share (sum of the units' sums)`, in their order, whoever computed them.
 *
 * @param step - From one unit's sums to the next's, in floats.
 */
export function sumUnits(partial: usize, units: i32, step: i32, out: usize, columns: i32, share: f32): void {
  memory.fill(out, 0, bytes(columns));
  for (let unit = 0; unit < units; unit++) {
    for (let k = 0; k < columns; k++) {
      const at = bytes(k);
      store<f32>(out + at, load<f32>(out + at) + load<f32>(partial + at));
    }
    partial += bytes(step);
  }
  for (let k = 0; k < columns; k++) store<f32>(out + bytes(k), load<f32>(out + bytes(k)) * share);
}

/** `y = x scale + shift`, both `[columns]`. */
export function scaleShift(
  unit: i32,
  _scratch: usize,
  x: usize,
  scale: usize,
  shift: usize,
  y: usize,
  rows: i32,
  columns: i32,
  rowsPerUnit: i32,
): void {
  const first = unit * rowsPerUnit;
  x += bytes(columns) * first;
  y += bytes(columns) * first;
  for (let i = first; i < min(rows, first + rowsPerUnit); i++) {
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
  unit: i32,
  _scratch: usize,
  dy: usize,
  x: usize,
  a: usize,
  b: usize,
  c: usize,
  out: usize,
  rows: i32,
  columns: i32,
  rowsPerUnit: i32,
): void {
  const start = unit * rowsPerUnit;
  dy += bytes(columns) * start;
  x += bytes(columns) * start;
  out += bytes(columns) * start;
  for (let i = start; i < min(rows, start + rowsPerUnit); i++) {
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

/** Copies `[rows, count]` from rows of `fromColumns` to rows of `toColumns`. */
export function copyColumns(
  unit: i32,
  _scratch: usize,
  from: usize,
  fromColumns: i32,
  to: usize,
  toColumns: i32,
  count: i32,
  rows: i32,
  rowsPerUnit: i32,
): void {
  const first = unit * rowsPerUnit;
  from += bytes(fromColumns) * first;
  to += bytes(toColumns) * first;
  for (let i = first; i < min(rows, first + rowsPerUnit); i++) {
    let k = 0;
    for (; k + LANES <= count; k += LANES) v128.store(to + bytes(k), v128.load(from + bytes(k)));
    for (; k < count; k++) store<f32>(to + bytes(k), load<f32>(from + bytes(k)));
    from += bytes(fromColumns);
    to += bytes(toColumns);
  }
}
