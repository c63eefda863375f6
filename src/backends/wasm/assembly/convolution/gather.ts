/** Gathers the input pixels of outputs into rows; see `gathered.ts` for the list of offsets. */
import { bytes } from '../simd';

/**
 * Values `from .. to` of the rows of `count` outputs from `first` on, counted across all images.
 *
 * @param length - Floats from one row of `out` to the next; those after `to - from` become zero.
 */
export function gatherRows(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  offsets: usize,
  strideRow: i32,
  strideColumn: i32,
  rows: i32,
  columns: i32,
  first: i32,
  count: i32,
  from: i32,
  to: i32,
  out: usize,
  length: i32,
): void {
  const imageBytes = bytes(height * width * channels);
  let image = x + <usize>(first / (rows * columns)) * imageBytes;
  let row = ((first / columns) % rows) * strideRow;
  let column = (first % columns) * strideColumn;
  for (let i = 0; i < count; i++, out += bytes(length)) {
    gatherRow(image, height, width, channels, offsets, row, column, from, to, out);
    for (let j = to - from; j < length; j++) store<f32>(out + bytes(j), 0);
    // incremented, since a division per pixel would take as long as gathering it
    column += strideColumn;
    if (column < columns * strideColumn) continue;
    column = 0;
    row += strideRow;
    if (row < rows * strideRow) continue;
    row = 0;
    image += imageBytes;
  }
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
    // adjacent taps are adjacent in memory too: copy them at once, unless the image's edge separates them
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
