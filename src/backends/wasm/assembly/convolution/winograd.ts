/**
 * Convolutions of 3x3 taps and stride 1 by Winograd's minimal filtering.
 *
 * A tile of size x size outputs needs (size + 2)² products per pair of channels instead of 9 size² by definition: a
 * quarter at size 4. In the transformed domain, the sum over channels is a matrix product over tiles, one for each
 * point.
 *
 * Every kernel computes one `unit` of the whole: units may run in any order and on any thread, each thread with its own
 * scratch memory. Pixels outside the image are zero.
 */
import { multiplyPanels, PANEL, wholePanels, wholeRows } from '../matrix/matmul';
import { bytes, loadStrided } from '../simd';
import { BETWEEN, inputTile, matrixBytes, SPACER, TEMPORARY, VECTOR } from './winograd_tiles';
import { filterTransform, outputTransform, pointsOf } from './winograd_transforms';

/** Bytes of one point's transformed filters, `[filters / 8][channels][8]`. */
function filterMatrixBytes(channels: i32, filters: i32): usize {
  return bytes(wholePanels(filters) * channels + SPACER);
}

/** Bytes that {@link winogradFilter} writes. */
export function winogradFilterBytes(size: i32, channels: i32, filters: i32): usize {
  return <usize>(pointsOf(size) * pointsOf(size)) * filterMatrixBytes(channels, filters);
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
  size: i32,
  taps: usize,
  channels: i32,
  filters: i32,
  channelStep: i32,
  filterStep: i32,
  turned: i32,
  out: usize,
): void {
  const points = pointsOf(size);
  const matrix = filterMatrixBytes(channels, filters);
  const tapBytes = bytes(channels * filters);
  const between = scratch + 9 * VECTOR;
  for (let half = 0; half < PANEL; half += 4) {
    const filter = unit * PANEL + half;
    for (let c = 0; c < channels; c++) {
      const to = out + bytes((unit * channels + c) * PANEL + half);
      if (filter >= filters) {
        for (let q = 0; q < points * points; q++) v128.store(to + <usize>q * matrix, f32x4.splat(0));
        continue;
      }
      let from = taps + bytes(c * channelStep + filter * filterStep);
      for (let tap = 0; tap < 9; tap++) {
        const place = scratch + <usize>(turned ? 8 - tap : tap) * VECTOR;
        v128.store(place, filterStep == 1 ? v128.load(from) : loadStrided(from, bytes(filterStep)));
        from += tapBytes;
      }
      for (let j = 0; j < 3; j++) {
        filterTransform(size, scratch + <usize>j * VECTOR, 3 * VECTOR, between + <usize>j * VECTOR, 3 * VECTOR); // prettier-ignore
      }
      for (let i = 0; i < points; i++) {
        filterTransform(size, between + <usize>(3 * i) * VECTOR, VECTOR, to + <usize>(i * points) * matrix, matrix); // prettier-ignore
      }
    }
  }
}

/** Bytes of scratch memory per thread for {@link winogradConvolve}, with `tiles` per unit. */
export function winogradConvolveScratch(size: i32, channels: i32, filters: i32, tiles: i32): usize {
  const points = pointsOf(size) * pointsOf(size);
  return (
    TEMPORARY +
    bytes(points * max(channels, wholePanels(filters))) +
    <usize>points *
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
  size: i32,
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
  const points = pointsOf(size);
  const across = (outWidth + size - 1) / size;
  const perImage = across * ((outHeight + size - 1) / size);
  const first = unit * tiles;
  const count = min(tiles, images * perImage - first);
  const columns = wholePanels(filters);

  const edge = scratch + TEMPORARY;
  const v = edge + bytes(points * points * max(channels, columns));
  const rowV = bytes(channels + SPACER);
  const matrixV = matrixBytes(wholeRows(tiles), channels);
  const m = v + <usize>(points * points) * matrixV;
  const rowM = bytes(columns + SPACER);
  const matrixM = matrixBytes(wholeRows(tiles), columns);

  for (let t = 0; t < count; t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * size - top;
    const column = (tile % across) * size - left;
    const pixels = x + bytes(image * height * width * channels);
    inputTile(size, pixels, height, width, channels, row, column, scratch, edge, v + <usize>t * rowV, matrixV); // prettier-ignore
  }
  const matrixU = filterMatrixBytes(channels, filters);
  for (let q = 0; q < points * points; q++) {
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
    const row = (tile / across) * size;
    const column = (tile % across) * size;
    const pixels = y + bytes(image * outHeight * outWidth * filters);
    const from = m + <usize>t * rowM;
    outputTile(size, from, matrixM, scratch, edge, bias, relu, pixels, outHeight, outWidth, filters, row, column); // prettier-ignore
  }
}

/** Transforms a tile back, adds the bias, and stores the part that lies in the image. */
function outputTile(
  size: i32,
  from: usize,
  matrix: usize,
  between: usize,
  edge: usize,
  bias: usize,
  relu: i32,
  y: usize,
  height: i32,
  width: i32,
  filters: i32,
  row: i32,
  column: i32,
): void {
  const points = pointsOf(size);
  const pixelBytes = bytes(filters);
  const rows = min(size, height - row);
  const columns = min(size, width - column);
  const lineBytes = <usize>points * VECTOR;
  const line = between + BETWEEN;
  const whole = rows == size && columns == size;
  const corner = y + bytes((row * width + column) * filters);
  const target = whole ? corner : edge;
  const rowBytes = (whole ? <usize>width : <usize>size) * pixelBytes;
  for (let k: usize = 0; k < pixelBytes; k += VECTOR) {
    for (let j = 0; j < points; j++) {
      const column = from + k + <usize>j * matrix;
      outputTransform(size, column, <usize>points * matrix, between + <usize>j * VECTOR, lineBytes);
    }
    const b = bias ? v128.load(bias + k) : f32x4.splat(0);
    for (let i = 0; i < size; i++) {
      outputTransform(size, between + <usize>i * lineBytes, VECTOR, line, VECTOR);
      let to = target + <usize>i * rowBytes + k;
      for (let j = 0; j < size; j++) {
        let value = f32x4.add(v128.load(line + <usize>j * VECTOR), b);
        if (relu) value = f32x4.pmax(value, f32x4.splat(0)); // keeps NaN
        v128.store(to, value);
        to += pixelBytes;
      }
    }
  }
  if (whole) return;
  for (let i = 0; i < rows; i++) {
    memory.copy(
      corner + <usize>(i * width) * pixelBytes,
      edge + <usize>(i * size) * pixelBytes,
      <usize>columns * pixelBytes,
    );
  }
}
