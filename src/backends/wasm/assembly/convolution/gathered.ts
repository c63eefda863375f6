/**
 * Convolutions of any size, stride, dilation and padding as matrix products: the pixels that an output meets are gathered
 * into a row, row after row, and multiplied by the taps.
 *
 * A list of offsets says which pixels those are, `[taps][3]` of (row, column, run): output (r, c) of the grid meets input
 * (r * strideRow + row, c * strideColumn + column), and the `run - 1` taps after it meet the pixels right of that. The gradient
 * of a strided convolution's input is a few such convolutions with other lists, each filling every second, third, … pixel.
 *
 * Every kernel works on its `unit` of the whole: units may run in any order and on any thread, each thread with scratch
 * memory of its own. Pixels outside the image are zero.
 */
import { multiplyPanels, multiplyTransposed, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { packPanels } from '../matrix/panels';
import { bytes, F, loadStrided } from '../simd';

/** Depth of a product that is done in one go: a panel of it fits the first cache. */
const DEPTH: i32 = 512;

/**
 * Taps in panels, `[outputs / 8][taps * depth][8]`; a unit is a panel.
 *
 * @param chosen - Indices of the taps to take, in order.
 * @param taps - `[tap][...]`, a value at `tap * depth * outputs + d * depthStep + output * outputStep`.
 */
export function gatheredFilter(
  unit: i32,
  _scratch: usize,
  taps: usize,
  chosen: usize,
  count: i32,
  depth: i32,
  outputs: i32,
  depthStep: i32,
  outputStep: i32,
  out: usize,
): void {
  const first = unit * PANEL;
  let to = out + bytes(unit * count * depth * PANEL);
  for (let t = 0; t < count; t++) {
    const tap = load<i32>(chosen + bytes(t));
    let from = taps + bytes(tap * depth * outputs + first * outputStep);
    for (let d = 0; d < depth; d++) {
      if (first + PANEL <= outputs) {
        if (outputStep == 1) {
          v128.store(to, v128.load(from));
          v128.store(to, v128.load(from, 16), 16);
        } else {
          v128.store(to, loadStrided(from, bytes(outputStep)));
          v128.store(to, loadStrided(from + bytes(4 * outputStep), bytes(outputStep)), 16);
        }
      } else {
        for (let j = 0; j < PANEL; j++) {
          const value = first + j < outputs ? load<f32>(from + bytes(j * outputStep)) : 0;
          store<f32>(to + bytes(j), value);
        }
      }
      from += bytes(depthStep);
      to += bytes(PANEL);
    }
  }
}

/** Bytes of scratch that a thread needs for {@link gatheredConvolve} with so many pixels a unit. */
export function gatheredConvolveScratch(taps: i32, channels: i32, filters: i32, pixels: i32): usize {
  return bytes(wholeRows(pixels) * (taps * channels + wholePanels(filters)));
}

/**
 * The convolution, bias and ReLU included; a unit is a block of `pixels` outputs, counted through all images.
 *
 * Output (r, c) of the grid `[rows, columns]` goes to pixel (firstRow + r * stepRow, firstColumn + c * stepColumn) of `y`.
 *
 * @param x - `[images, height, width, channels]`.
 * @param packed - What {@link gatheredFilter} wrote.
 * @param bias - `[filters]`, or 0 for none.
 * @param y - `[images, outHeight, outWidth, filters]`.
 */
export function gatheredConvolve(
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
  packed: usize,
  filters: i32,
  bias: usize,
  relu: i32,
  y: usize,
  rows: i32,
  columns: i32,
  outHeight: i32,
  outWidth: i32,
  firstRow: i32,
  firstColumn: i32,
  stepRow: i32,
  stepColumn: i32,
  pixels: i32,
): void {
  const first = unit * pixels;
  const count = min(pixels, images * rows * columns - first);
  const whole = wholeRows(count);
  const depth = taps * channels;
  const wide = wholePanels(filters);

  // a 1x1 convolution reads its rows where they are
  const inPlace =
    taps == 1 && pointwise(offsets, strideRow, strideColumn) && rows == height && columns == width;
  let a = scratch;
  if (inPlace && whole == count) {
    a = x + bytes(first * channels);
  } else {
    const imageBytes = bytes(height * width * channels);
    let image = x + <usize>(first / (rows * columns)) * imageBytes;
    let row = ((first / columns) % rows) * strideRow;
    let column = (first % columns) * strideColumn;
    for (let i = 0; i < count; i++) {
      gatherRow(image, height, width, channels, offsets, row, column, 0, depth, scratch + bytes(i * depth));
      // counted on, since divisions for each pixel take as long as gathering it
      column += strideColumn;
      if (column < columns * strideColumn) continue;
      column = 0;
      row += strideRow;
      if (row < rows * strideRow) continue;
      row = 0;
      image += imageBytes;
    }
  }

  const dense = stepRow == 1 && stepColumn == 1 && rows == outHeight && columns == outWidth;
  const direct = dense && whole == count && wide == filters;
  const c = direct ? y + bytes(first * filters) : scratch + bytes(wholeRows(pixels) * depth);
  let from = 0;
  do {
    // at least once, so that outputs that meet no tap become zero
    const part = min(DEPTH, depth - from);
    const panel = packed + bytes(from * PANEL);
    const panelBytes = bytes(depth * PANEL);
    multiplyPanels(
      whole,
      wide / PANEL,
      part,
      a + bytes(from),
      bytes(depth),
      panel,
      panelBytes,
      c,
      bytes(wide),
      from > 0,
    );
    from += part;
  } while (from < depth);

  if (direct && bias == 0 && relu == 0) return;
  for (let i = 0; i < count; i++) {
    if (dense) {
      finishRow(c + bytes(i * wide), y + bytes((first + i) * filters), filters, bias, relu);
      continue;
    }
    const grid = (first + i) % (rows * columns);
    const image = (first + i) / (rows * columns);
    const row = firstRow + (grid / columns) * stepRow;
    const column = firstColumn + (grid % columns) * stepColumn;
    const to = y + bytes(((image * outHeight + row) * outWidth + column) * filters);
    finishRow(c + bytes(i * wide), to, filters, bias, relu);
  }
}

function pointwise(offsets: usize, strideRow: i32, strideColumn: i32): bool {
  return strideRow == 1 && strideColumn == 1 && load<i32>(offsets) == 0 && load<i32>(offsets, 4) == 0;
}

/** Values `from .. to` of the row that an output gathers, `[taps][channels]`. */
function gatherRow(
  image: usize,
  height: i32,
  width: i32,
  channels: i32,
  offsets: usize,
  row: i32,
  column: i32,
  from: i32,
  to: i32,
  out: usize,
): void {
  let tap = from / channels;
  let channel = from % channels;
  while (from < to) {
    const h = row + load<i32>(offsets + bytes(3 * tap));
    const w = column + load<i32>(offsets + bytes(3 * tap), 4);
    const run = load<i32>(offsets + bytes(3 * tap), 8);
    const inRow = h >= 0 && h < height;
    // taps side by side lie so in memory too: all of them at once, unless the image's edge parts them
    const together = !inRow || (w >= 0 && w + run <= width);
    const count = min((together ? run * channels : channels) - channel, to - from);
    const inside = inRow && w >= 0 && w < width;
    const pixel = image + bytes((h * width + w) * channels + channel);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      v128.store(out + bytes(i), inside ? v128.load(pixel + bytes(i)) : f32x4.splat(0));
    }
    for (; i < count; i++) store<f32>(out + bytes(i), inside ? load<f32>(pixel + bytes(i)) : 0);
    out += bytes(count);
    from += count;
    tap += together ? run : 1;
    channel = 0;
  }
}

/** `to = from + bias`, and ReLU. */
function finishRow(from: usize, to: usize, filters: i32, bias: usize, relu: i32): void {
  let k = 0;
  for (; k + 4 <= filters; k += 4) {
    let value = v128.load(from + bytes(k));
    if (bias) value = f32x4.add(value, v128.load(bias + bytes(k)));
    if (relu) value = f32x4.pmax(value, f32x4.splat(0)); // keeps NaN
    v128.store(to + bytes(k), value);
  }
  for (; k < filters; k++) {
    let value = load<f32>(from + bytes(k));
    if (bias) value += load<f32>(bias + bytes(k));
    if (relu && value < 0) value = 0;
    store<f32>(to + bytes(k), value);
  }
}

/** Bytes of scratch that a thread needs for {@link gatheredTaps}. */
export function gatheredTapsScratch(filters: i32, rowsPerUnit: i32, pixels: i32): usize {
  const values = wholeRows(rowsPerUnit);
  return bytes(pixels * (values + wholePanels(filters)) + values * wholePanels(filters));
}

/**
 * The taps' gradient, `[taps * channels, filters]`; a unit is `rowsPerUnit` rows of it.
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
    const imageBytes = bytes(height * width * channels);
    let image = x + <usize>(first / (rows * columns)) * imageBytes;
    let row = ((first / columns) % rows) * strideRow;
    let column = (first % columns) * strideColumn;
    for (let i = 0; i < count; i++) {
      const line = scratch + bytes(i * values);
      gatherRow(image, height, width, channels, offsets, row, column, from, to, line);
      for (let j = to - from; j < values; j++) store<f32>(line + bytes(j), 0);
      column += strideColumn;
      if (column < columns * strideColumn) continue;
      column = 0;
      row += strideRow;
      if (row < rows * strideRow) continue;
      row = 0;
      image += imageBytes;
    }
    const panelBytes = bytes(count * PANEL);
    packPanels(dy + bytes(first * filters), bytes(filters), false, count, filters, panels, panelBytes);
    multiplyTransposed(
      values,
      wide / PANEL,
      count,
      scratch,
      bytes(values),
      panels,
      panelBytes,
      sums,
      bytes(wide),
      first > 0,
    );
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
