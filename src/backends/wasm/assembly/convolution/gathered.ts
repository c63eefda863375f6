/**
 * Convolutions of any size, stride, dilation and padding as matrix products: the input pixels of each output are
 * gathered into a row, and the rows are multiplied by the taps.
 *
 * A list of offsets says which pixels those are, `[taps][3]` of (row, column, run): output (r, c) of the grid reads
 * input (r * strideRow + row, c * strideColumn + column), and the `run - 1` taps after it read the pixels to the right
 * of that. The gradient of a strided convolution's input is several such convolutions with other lists, each filling
 * every second, third, … pixel.
 *
 * Every kernel computes one `unit` of the whole: units may run in any order and on any thread, each thread with its own
 * scratch memory. Pixels outside the image are zero.
 */
import { multiplyPanels, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { bytes, loadStrided } from '../simd';
import { gatherRows } from './gather';

/** Depth of a partial product: a panel of it fits the L1 cache. */
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

/** Bytes of scratch memory per thread for {@link gatheredConvolve}, with `pixels` per unit. */
export function gatheredConvolveScratch(taps: i32, channels: i32, filters: i32, pixels: i32): usize {
  return bytes(wholeRows(pixels) * (taps * channels + wholePanels(filters)));
}

/**
 * The convolution with bias and ReLU; a unit is a block of `pixels` outputs, counted across all images.
 *
 * Output (r, c) of the grid `[rows, columns]` goes to pixel (firstRow + r * stepRow, firstColumn + c * stepColumn) of
 * `y`.
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

  // a 1x1 convolution reads its rows in place
  const inPlace =
    taps == 1 && pointwise(offsets, strideRow, strideColumn) && rows == height && columns == width;
  let a = scratch;
  if (inPlace && whole == count) {
    a = x + bytes(first * channels);
  } else {
    gatherRows(x, height, width, channels, offsets, strideRow, strideColumn, rows, columns, first, count, 0, depth, scratch, depth); // prettier-ignore
  }

  const dense = stepRow == 1 && stepColumn == 1 && rows == outHeight && columns == outWidth;
  const direct = dense && whole == count && wide == filters;
  const c = direct ? y + bytes(first * filters) : scratch + bytes(wholeRows(pixels) * depth);
  let from = 0;
  do {
    // at least once, so that outputs without taps become zero
    const part = min(DEPTH, depth - from);
    const panel = packed + bytes(from * PANEL);
    const panelBytes = bytes(depth * PANEL);
    multiplyPanels(whole, wide / PANEL, part, a + bytes(from), bytes(depth), panel, panelBytes, c, bytes(wide), from > 0); // prettier-ignore
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
