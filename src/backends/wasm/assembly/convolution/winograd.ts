/**
 * Convolutions of 3x3 taps and stride 1 by Winograd's minimal filtering.
 *
 * A tile of 4 x 4 outputs needs 36 products per pair of channels instead of the 144 of its definition. In the transformed
 * domain, the sum over channels is a matrix product over tiles, one for each of the 36 points.
 *
 * Every kernel computes one `unit` of the whole: units may run in any order and on any thread, each thread with its own
 * scratch memory. Pixels outside the image are zero.
 */
import { multiplyPanels, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { bytes } from '../simd';
import { filterPanel, inputTile, matrixBytes, outputTile, SPACER, TEMPORARY } from './winograd_tiles';
import { SIZE, VALUES } from './winograd_transforms';

/** Bytes of one point's transformed filters, `[filters / 8][channels][8]`. */
function filterMatrixBytes(channels: i32, filters: i32): usize {
  return bytes(wholePanels(filters) * channels + SPACER);
}

/** Bytes that {@link winogradFilter} writes. */
export function winogradFilterBytes(channels: i32, filters: i32): usize {
  return <usize>VALUES * filterMatrixBytes(channels, filters);
}

/**
 * Transformed filters, `[point][filters / 8][channels][8]`; a unit is a panel of 8 filters.
 *
 * The value of a tap is at `taps[tap][channel * channelStep + filter * filterStep]`, so that a rotated and transposed
 * filter is read in place.
 *
 * @param turned - Whether to read the taps from last to first.
 */
export function winogradFilter(
  unit: i32,
  scratch: usize,
  taps: usize,
  channels: i32,
  filters: i32,
  channelStep: i32,
  filterStep: i32,
  turned: i32,
  out: usize,
): void {
  const to = out + bytes(unit * channels * PANEL);
  filterPanel(unit, scratch, taps, channels, filters, channelStep, filterStep, turned, to, filterMatrixBytes(channels, filters)); // prettier-ignore
}

/** Bytes of scratch memory per thread for {@link winogradConvolve}, with `tiles` per unit. */
export function winogradConvolveScratch(channels: i32, filters: i32, tiles: i32): usize {
  return (
    TEMPORARY +
    bytes(VALUES * channels) +
    <usize>VALUES *
      (matrixBytes(wholeRows(tiles), channels) + matrixBytes(wholeRows(tiles), wholePanels(filters)))
  );
}

/**
 * The convolution with bias and ReLU; a unit is a block of tiles, counted across all images.
 *
 * @param x - `[images, height, width, channels]`; channels and filters are multiples of 4.
 * @param transformed - What {@link winogradFilter} wrote.
 * @param bias - `[filters]`, or 0 for none.
 * @param y - `[images, outHeight, outWidth, filters]`.
 * @param tiles - Tiles in a unit.
 */
export function winogradConvolve(
  unit: i32,
  scratch: usize,
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  transformed: usize,
  filters: i32,
  bias: usize,
  relu: i32,
  y: usize,
  outHeight: i32,
  outWidth: i32,
  tiles: i32,
): void {
  const across = (outWidth + SIZE - 1) / SIZE;
  const perImage = across * ((outHeight + SIZE - 1) / SIZE);
  const first = unit * tiles;
  const count = min(tiles, images * perImage - first);
  const columns = wholePanels(filters);

  const edge = scratch + TEMPORARY;
  const v = edge + bytes(VALUES * channels);
  const rowV = bytes(channels + SPACER);
  const matrixV = matrixBytes(wholeRows(tiles), channels);
  const m = v + <usize>VALUES * matrixV;
  const rowM = bytes(columns + SPACER);
  const matrixM = matrixBytes(wholeRows(tiles), columns);

  for (let t = 0; t < count; t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * SIZE - top;
    const column = (tile % across) * SIZE - left;
    const pixels = x + bytes(image * height * width * channels);
    inputTile(pixels, height, width, channels, row, column, scratch, edge, v + <usize>t * rowV, matrixV); // prettier-ignore
  }
  const matrixU = filterMatrixBytes(channels, filters);
  for (let q = 0; q < VALUES; q++) {
    multiplyPanels(
      wholeRows(count),
      columns / PANEL,
      channels,
      v + <usize>q * matrixV,
      rowV,
      transformed + <usize>q * matrixU,
      bytes(channels * PANEL),
      m + <usize>q * matrixM,
      rowM,
      false,
    );
  }
  for (let t = 0; t < count; t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * SIZE;
    const column = (tile % across) * SIZE;
    const pixels = y + bytes(image * outHeight * outWidth * filters);
    const from = m + <usize>t * rowM;
    outputTile(from, matrixM, scratch, bias, relu, pixels, outHeight, outWidth, filters, filters, row, column); // prettier-ignore
  }
}
