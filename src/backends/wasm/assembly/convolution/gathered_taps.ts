/** The gradient of the taps of a convolution of any kind, from gathered pixels. */
import { multiplyTransposed, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { packPanels } from '../matrix/panels';
import { bytes, F } from '../simd';
import { gatherRows } from './gather';

/** Bytes of scratch memory per thread for {@link gatheredTaps}. */
export function gatheredTapsScratch(filters: i32, rowsPerUnit: i32, pixels: i32): usize {
  const values = wholeRows(rowsPerUnit);
  return bytes(pixels * (values + wholePanels(filters)) + values * wholePanels(filters));
}

/**
 * The gradient of the taps, `[taps * channels, filters]`; a unit is `rowsPerUnit` rows of it.
 *
 * @param dy - `[images, rows, columns, filters]`.
 * @param pixels - Outputs that are gathered at a time.
 */
export function gatheredTaps(
  unit: i32,
  scratch: usize,
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  offsets: usize,
  taps: i32,
  strideRow: i32,
  strideColumn: i32,
  dy: usize,
  rows: i32,
  columns: i32,
  filters: i32,
  out: usize,
  rowsPerUnit: i32,
  pixels: i32,
  accumulate: i32,
): void {
  const from = unit * rowsPerUnit;
  const to = min(from + rowsPerUnit, taps * channels);
  const values = wholeRows(to - from);
  const wide = wholePanels(filters);
  const panels = scratch + bytes(pixels * wholeRows(rowsPerUnit));
  const sums = panels + bytes(pixels * wide);
  const total = images * rows * columns;

  for (let first = 0; first < total; first += pixels) {
    const count = min(pixels, total - first);
    gatherRows(x, height, width, channels, offsets, strideRow, strideColumn, rows, columns, first, count, from, to, scratch, values); // prettier-ignore
    const panelBytes = bytes(count * PANEL);
    packPanels(dy + bytes(first * filters), bytes(filters), false, count, filters, panels, panelBytes);
    multiplyTransposed(values, wide / PANEL, count, scratch, bytes(values), panels, panelBytes, sums, bytes(wide), first > 0); // prettier-ignore
  }
  for (let i = from; i < to; i++) {
    const sum = sums + bytes((i - from) * wide);
    const place = out + bytes(i * filters);
    if (accumulate) addRow(sum, place, filters);
    else memory.copy(place, sum, bytes(filters));
  }
}

function addRow(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i++, from += F, to += F) store<f32>(to, load<f32>(to) + load<f32>(from));
}
