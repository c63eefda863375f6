/**
 * Winograd's algorithm for few tiles and many channels, a few filters at a time.
 *
 * Transformed, the taps of a large convolution take four times their size, more than the caches hold: writing them to
 * memory and reading them again takes longer than the products of few tiles. A unit transforms those of a few filters,
 * which stay in its core's cache, and multiplies all tiles by them. For many tiles `winograd.ts` is faster, which reads
 * the tiles once and the filters as often as needed.
 */
import { multiplyPanels, multiplyTransposed, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { bytes } from '../simd';
import { filterPanel, matrixBytes, outputTile, SPACER, storeTaps, TEMPORARY } from './winograd_tiles';
import { SIZE, VALUES } from './winograd_transforms';

/** Filters per unit: two panels of them, since a line of the cache holds sixteen taps. */
const FILTERS: i32 = 2 * PANEL;

/** Bytes of a unit's values at one point, `[panels][rows][8]`. */
function pointBytes(rows: i32): usize {
  return bytes(rows * FILTERS + SPACER);
}

/** Bytes of scratch memory per thread for {@link winogradPanels}. */
export function winogradPanelsScratch(channels: i32, tiles: i32): usize {
  return TEMPORARY + <usize>VALUES * (pointBytes(channels) + pointBytes(wholeRows(tiles)));
}

/**
 * The convolution with bias and ReLU; a unit is sixteen filters.
 *
 * @param inputs - All tiles as `winogradInputs` writes them, with room for three rows more.
 * @param taps - As for `winogradFilter`, with `channelStep`, `filterStep` and `turned`.
 * @param bias - `[filters]`, or 0 for none.
 * @param y - `[images, outHeight, outWidth, filters]`.
 */
export function winogradPanels(
  unit: i32,
  scratch: usize,
  inputs: usize,
  tiles: i32,
  taps: usize,
  channels: i32,
  filters: i32,
  channelStep: i32,
  filterStep: i32,
  turned: i32,
  bias: usize,
  relu: i32,
  y: usize,
  outHeight: i32,
  outWidth: i32,
): void {
  const rows = wholeRows(tiles);
  const first = unit * FILTERS;
  const panels = min(FILTERS, wholePanels(filters - first)) / PANEL;
  const u = scratch + TEMPORARY;
  const panelU = bytes(channels * PANEL);
  const pointU = pointBytes(channels);
  const m = u + <usize>VALUES * pointU;
  const panelM = bytes(rows * PANEL);
  const pointM = pointBytes(rows);
  const pointV = matrixBytes(tiles, channels);
  for (let p = 0; p < panels; p++) {
    const to = u + <usize>p * panelU;
    filterPanel(first / PANEL + p, scratch, taps, channels, filters, channelStep, filterStep, turned, to, pointU); // prettier-ignore
  }
  for (let q: usize = 0; q < <usize>VALUES; q++) {
    for (let p = 0; p < panels; p++) {
      multiplyPanels(
        rows,
        1,
        channels,
        inputs + q * pointV,
        bytes(channels + SPACER),
        u + q * pointU + <usize>p * panelU,
        0,
        m + q * pointM + <usize>p * panelM,
        bytes(PANEL),
        false,
      );
    }
  }
  const across = (outWidth + SIZE - 1) / SIZE;
  const perImage = across * ((outHeight + SIZE - 1) / SIZE);
  for (let t = 0; t < tiles; t++) {
    const image = t / perImage;
    const tile = t % perImage;
    const row = (tile / across) * SIZE;
    const column = (tile % across) * SIZE;
    for (let p = 0; p < panels; p++) {
      const filter = first + p * PANEL;
      const pixels = y + bytes(image * outHeight * outWidth * filters + filter);
      const from = m + <usize>p * panelM + bytes(t * PANEL);
      const own = bias ? bias + bytes(filter) : 0;
      const count = min(PANEL, filters - filter);
      outputTile(from, pointM, scratch, own, relu, pixels, outHeight, outWidth, filters, count, row, column); // prettier-ignore
    }
  }
}

/** Bytes of scratch memory per thread for {@link winogradTapPanels}. */
export function winogradTapPanelsScratch(channels: i32): usize {
  return TEMPORARY + <usize>VALUES * pointBytes(channels);
}

/**
 * The gradient of the taps, `[3, 3, channels, filters]`; a unit is sixteen filters.
 *
 * @param inputs - All tiles as `winogradInputs` writes them.
 * @param gradients - All tiles as `winogradGradients` writes them.
 * @param accumulate - Whether to add to the present values.
 */
export function winogradTapPanels(
  unit: i32,
  scratch: usize,
  inputs: usize,
  gradients: usize,
  tiles: i32,
  channels: i32,
  filters: i32,
  out: usize,
  accumulate: i32,
): void {
  const first = unit * FILTERS;
  const panels = min(FILTERS, wholePanels(filters - first)) / PANEL;
  const sums = scratch + TEMPORARY;
  const panelSums = bytes(channels * PANEL);
  const pointSums = pointBytes(channels);
  const pointV = matrixBytes(tiles, channels);
  const pointG = matrixBytes(tiles, wholePanels(filters));
  for (let q: usize = 0; q < <usize>VALUES; q++) {
    for (let p = 0; p < panels; p++) {
      multiplyTransposed(
        channels,
        1,
        tiles,
        inputs + q * pointV,
        bytes(channels + SPACER),
        gradients + q * pointG + bytes((first + p * PANEL) * tiles),
        0,
        sums + q * pointSums + <usize>p * panelSums,
        bytes(PANEL),
        false,
      );
    }
  }
  for (let c = 0; c < channels; c++) {
    for (let k = 0; k < min(FILTERS, filters - first); k += 4) {
      const from = sums + <usize>(k / PANEL) * panelSums + bytes(c * PANEL + (k % PANEL));
      const to = out + bytes(c * filters + first + k);
      storeTaps(from, pointSums, scratch, to, bytes(channels * filters), accumulate);
    }
  }
}
