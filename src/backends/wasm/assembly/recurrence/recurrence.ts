/** Functions shared by the recurrences. */
import { bytes, LANES, loadFirst, storeFirst } from '../simd';

/** The slice at step `t`. */
export function sliceAt(t: i32, steps: i32, reverse: bool): i32 {
  return reverse ? steps - 1 - t : t;
}

/** `sums[columns] = sum over rows of x`. */
export function sumRows(x: usize, rows: i32, columns: i32, sums: usize): void {
  memory.fill(sums, 0, bytes(columns));
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < columns; k += LANES) {
      const to = sums + bytes(k);
      storeFirst(to, f32x4.add(loadFirst(to, columns - k), loadFirst(x + bytes(k), columns - k)), columns - k); // prettier-ignore
    }
    x += bytes(columns);
  }
}
