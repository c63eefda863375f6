/** The gradient of a convolution's taps by Winograd's algorithm: products of transformed tiles, summed over tiles. */
import { multiplyTransposed, PANEL, wholePanels } from '../matrix/matmul';
import { bytes } from '../simd';
import { BETWEEN, copyTile, inputTile, matrixBytes, SPACER, TEMPORARY, VECTOR } from './winograd_tiles';
import { gradientTransform, pointsOf, tapTransform } from './winograd_transforms';

/** Bytes of scratch memory per thread for {@link winogradInputs} and {@link winogradGradients}. */
export function winogradTilesScratch(size: i32, channels: i32): usize {
  return TEMPORARY + bytes(pointsOf(size) * pointsOf(size) * channels);
}

/** Bytes that {@link winogradInputs} writes. */
export function winogradInputsBytes(size: i32, channels: i32, tiles: i32): usize {
  return <usize>(pointsOf(size) * pointsOf(size)) * matrixBytes(tiles, channels);
}

/** Bytes that {@link winogradGradients} writes. */
export function winogradGradientsBytes(size: i32, filters: i32, tiles: i32): usize {
  return <usize>(pointsOf(size) * pointsOf(size)) * matrixBytes(tiles, wholePanels(filters));
}

/** Tiles per unit of {@link winogradInputs} and {@link winogradGradients}. */
export const TILES_PER_UNIT: i32 = 8;

/** Transformed tiles `first .. first + tiles` of the input, `[point][tiles][channels]`; a unit is eight of them. */
export function winogradInputs(
  unit: i32,
  scratch: usize,
  size: i32,
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  first: i32,
  tiles: i32,
  out: usize,
): void {
  const across = (outWidth + size - 1) / size;
  const perImage = across * ((outHeight + size - 1) / size);
  const matrix = matrixBytes(tiles, channels);
  const rowBytes = bytes(channels + SPACER);
  for (let t = unit * TILES_PER_UNIT; t < min((unit + 1) * TILES_PER_UNIT, tiles); t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * size - top;
    const column = (tile % across) * size - left;
    const pixels = x + bytes(image * height * width * channels);
    const to = out + <usize>t * rowBytes;
    inputTile(size, pixels, height, width, channels, row, column, scratch, scratch + TEMPORARY, to, matrix);
  }
}

/**
 * Transformed tiles `first .. first + tiles` of the output's gradient, `[point][filters / 8][tiles][8]`; a unit
 * is eight of them.
 */
export function winogradGradients(
  unit: i32,
  scratch: usize,
  size: i32,
  dy: usize,
  height: i32,
  width: i32,
  filters: i32,
  first: i32,
  tiles: i32,
  out: usize,
): void {
  const points = pointsOf(size);
  const across = (width + size - 1) / size;
  const perImage = across * ((height + size - 1) / size);
  const matrix = matrixBytes(tiles, wholePanels(filters));
  const pixelBytes = bytes(filters);
  const edge = scratch + TEMPORARY;
  const lineBytes = <usize>size * VECTOR;
  for (let t = unit * TILES_PER_UNIT; t < min((unit + 1) * TILES_PER_UNIT, tiles); t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * size;
    const column = (tile % across) * size;
    const pixels = dy + bytes(image * height * width * filters);
    let rowBytes = <usize>width * pixelBytes;
    let from = pixels + bytes((row * width + column) * filters);
    if (row + size > height || column + size > width) {
      copyTile(pixels, height, width, pixelBytes, row, column, size, edge);
      from = edge;
      rowBytes = <usize>size * pixelBytes;
    }
    for (let k = 0; k < wholePanels(filters); k += 4) {
      const to = out + bytes(((k / PANEL) * tiles + t) * PANEL + (k % PANEL));
      if (k >= filters) {
        for (let q = 0; q < points * points; q++) v128.store(to + <usize>q * matrix, f32x4.splat(0));
        continue;
      }
      for (let j = 0; j < size; j++) {
        const column = from + bytes(k) + <usize>j * pixelBytes;
        gradientTransform(size, column, rowBytes, scratch + <usize>j * VECTOR, lineBytes);
      }
      for (let i = 0; i < points; i++) {
        gradientTransform(size, scratch + <usize>i * lineBytes, VECTOR, to + <usize>(i * points) * matrix, matrix); // prettier-ignore
      }
    }
  }
}

/** Bytes of the transformed gradient of the taps, `[point][channels][whole panels of filters]`. */
export function winogradPointGradientBytes(size: i32, channels: i32, filters: i32): usize {
  return <usize>(pointsOf(size) * pointsOf(size)) * bytes(channels * wholePanels(filters));
}

/** Sums `inputs^T gradients` of transformed tiles over a block of tiles; a unit is a point. */
export function winogradAccumulate(
  unit: i32,
  _scratch: usize,
  inputs: usize,
  gradients: usize,
  tiles: i32,
  channels: i32,
  filters: i32,
  out: usize,
  accumulate: i32,
): void {
  const columns = wholePanels(filters);
  multiplyTransposed(
    channels,
    columns / PANEL,
    tiles,
    inputs + <usize>unit * matrixBytes(tiles, channels),
    bytes(channels + SPACER),
    gradients + <usize>unit * matrixBytes(tiles, columns),
    bytes(tiles * PANEL),
    out + <usize>unit * bytes(channels * columns),
    bytes(columns),
    accumulate != 0,
  );
}

/** The gradient of the taps, `[3, 3, channels, filters]`, from that of the points; a unit is a channel. */
export function winogradTaps(
  unit: i32,
  scratch: usize,
  size: i32,
  pointGradient: usize,
  channels: i32,
  filters: i32,
  out: usize,
  accumulate: i32,
): void {
  const points = pointsOf(size);
  const columns = wholePanels(filters);
  const matrix = bytes(channels * columns);
  const between = scratch;
  const taps = scratch + BETWEEN;
  for (let k = 0; k < filters; k += 4) {
    const from = pointGradient + bytes(unit * columns + k);
    for (let j = 0; j < points; j++) {
      tapTransform(size, from + <usize>j * matrix, <usize>points * matrix, between + <usize>j * VECTOR, <usize>points * VECTOR); // prettier-ignore
    }
    for (let i = 0; i < 3; i++) {
      tapTransform(size, between + <usize>(i * points) * VECTOR, VECTOR, taps + <usize>(3 * i) * VECTOR, VECTOR); // prettier-ignore
    }
    for (let tap = 0; tap < 9; tap++) {
      const to = out + bytes((tap * channels + unit) * filters + k);
      const value = v128.load(taps + <usize>tap * VECTOR);
      v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value);
    }
  }
}
