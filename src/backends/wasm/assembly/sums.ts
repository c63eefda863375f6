/** Sums in float over blocks of rows, and in double over the blocks: accurate to float32 for any number of rows. */
import { bytes } from './simd';

/** Rows of a block. */
const BLOCK: i32 = 64;

/**
 * `out[k] = share (sum over i of x[i, k])`, of the unit's `columnsPerUnit` columns.
 *
 * @param x - `[rows, columns]`.
 * @param totals - Scratch, `columnsPerUnit` doubles.
 */
export function sumRows(
  unit: i32,
  totals: usize,
  x: usize,
  out: usize,
  rows: i32,
  columns: i32,
  columnsPerUnit: i32,
  share: f32,
): void {
  const start = unit * columnsPerUnit;
  const width = min(columnsPerUnit, columns - start);
  x += bytes(start);
  out += bytes(start);
  memory.fill(totals, 0, bytes(width) << 1);
  for (let first = 0; first < rows; first += BLOCK) {
    const count = min(BLOCK, rows - first);
    let k = 0;
    for (; k + 16 <= width; k += 16) {
      let a = f32x4.splat(0);
      let b = a;
      let c = a;
      let d = a;
      let row = x + bytes(k);
      for (let i = 0; i < count; i++) {
        a = f32x4.add(a, v128.load(row));
        b = f32x4.add(b, v128.load(row, 16));
        c = f32x4.add(c, v128.load(row, 32));
        d = f32x4.add(d, v128.load(row, 48));
        row += bytes(columns);
      }
      const total = totals + (bytes(k) << 1);
      addTo(total, a);
      addTo(total + 32, b);
      addTo(total + 64, c);
      addTo(total + 96, d);
    }
    for (; k + 4 <= width; k += 4) {
      let a = f32x4.splat(0);
      let row = x + bytes(k);
      for (let i = 0; i < count; i++) {
        a = f32x4.add(a, v128.load(row));
        row += bytes(columns);
      }
      addTo(totals + (bytes(k) << 1), a);
    }
    for (; k < width; k++) {
      let a: f64 = 0;
      let row = x + bytes(k);
      for (let i = 0; i < count; i++) {
        a += load<f32>(row);
        row += bytes(columns);
      }
      const total = totals + (bytes(k) << 1);
      store<f64>(total, load<f64>(total) + a);
    }
    x += bytes(count * columns);
  }
  for (let k = 0; k < width; k++) {
    store<f32>(out + bytes(k), <f32>load<f64>(totals + (bytes(k) << 1)) * share);
  }
}

/** Adds four floats to four doubles. */
function addTo(totals: usize, values: v128): void {
  const high = v128.shuffle<f32>(values, values, 2, 3, 2, 3);
  v128.store(totals, f64x2.add(v128.load(totals), f64x2.promote_low_f32x4(values)));
  v128.store(totals + 16, f64x2.add(v128.load(totals + 16), f64x2.promote_low_f32x4(high)));
}
