/** The gradient of a convolution's taps by Winograd's algorithm: products of transformed tiles, summed over tiles. */
import { multiplyTransposed, PANEL, wholePanels } from '../matrix/matmul';
import { bytes } from '../simd';
import { copyTile, inputTile, matrixBytes, SPACER, storeTaps, TEMPORARY, VECTOR } from './winograd_tiles';
import { gradientTransform, POINTS, SIZE, VALUES } from './winograd_transforms';

/** Bytes of scratch memory per thread for {@link winogradInputs} and {@link winogradGradients}. */
export function winogradTilesScratch(channels: i32): usize {
  return TEMPORARY + bytes(VALUES * channels);
}

/** Bytes that {@link winogradInputs} writes. */
export function winogradInputsBytes(channels: i32, tiles: i32): usize {
  return <usize>VALUES * matrixBytes(tiles, channels);
}

/** Bytes that {@link winogradGradients} writes. */
export function winogradGradientsBytes(filters: i32, tiles: i32): usize {
  return <usize>VALUES * matrixBytes(tiles, wholePanels(filters));
}

/** Tiles per unit of {@link winogradInputs} and {@link winogradGradients}. */
export const TILES_PER_UNIT: i32 = 8;

/** Transformed tiles `first .. first + tiles` of the input, `[point][tiles][channels]`; a unit is eight of them. */
export function winogradInputs(
  unit: i32,
  scratch: usize,
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
  const across = (outWidth + SIZE - 1) / SIZE;
  const perImage = across * ((outHeight + SIZE - 1) / SIZE);
  const matrix = matrixBytes(tiles, channels);
  const rowBytes = bytes(channels + SPACER);
  for (let t = unit * TILES_PER_UNIT; t < min((unit + 1) * TILES_PER_UNIT, tiles); t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * SIZE - top;
    const column = (tile % across) * SIZE - left;
    const pixels = x + bytes(image * height * width * channels);
    const to = out + <usize>t * rowBytes;
    inputTile(pixels, height, width, channels, row, column, scratch, scratch + TEMPORARY, to, matrix);
  }
}

/**
 * Transformed tiles `first .. first + tiles` of the output's gradient, `[point][filters / 8][tiles][8]`; a unit
 * is eight of them.
 */
export function winogradGradients(
  unit: i32,
  scratch: usize,
  dy: usize,
  height: i32,
  width: i32,
  filters: i32,
  first: i32,
  tiles: i32,
  out: usize,
): void {
  const across = (width + SIZE - 1) / SIZE;
  const perImage = across * ((height + SIZE - 1) / SIZE);
  const matrix = matrixBytes(tiles, wholePanels(filters));
  const pixelBytes = bytes(filters);
  const edge = scratch + TEMPORARY;
  const lineBytes = <usize>SIZE * VECTOR;
  for (let t = unit * TILES_PER_UNIT; t < min((unit + 1) * TILES_PER_UNIT, tiles); t++) {
    const image = (first + t) / perImage;
    const tile = (first + t) % perImage;
    const row = (tile / across) * SIZE;
    const column = (tile % across) * SIZE;
    const pixels = dy + bytes(image * height * width * filters);
    let rowBytes = <usize>width * pixelBytes;
    let from = pixels + bytes((row * width + column) * filters);
    if (row + SIZE > height || column + SIZE > width) {
      copyTile(pixels, height, width, pixelBytes, row, column, SIZE, edge);
      from = edge;
      rowBytes = <usize>SIZE * pixelBytes;
    }
    for (let k = 0; k < wholePanels(filters); k += 4) {
      const to = out + bytes(((k / PANEL) * tiles + t) * PANEL + (k % PANEL));
      if (k >= filters) {
        for (let q = 0; q < VALUES; q++) v128.store(to + <usize>q * matrix, f32x4.splat(0));
        continue;
      }
      for (let j = 0; j < SIZE; j++) {
        const column = from + bytes(k) + <usize>j * pixelBytes;
        gradientTransform(column, rowBytes, scratch + <usize>j * VECTOR, lineBytes);
      }
      for (let i = 0; i < POINTS; i++) {
        gradientTransform(scratch + <usize>i * lineBytes, VECTOR, to + <usize>(i * POINTS) * matrix, matrix); // prettier-ignore
      }
    }
  }
}

/** Bytes of the transformed gradient of the taps, `[point][channels][whole panels of filters]`. */
export function winogradPointGradientBytes(channels: i32, filters: i32): usize {
  return <usize>VALUES * bytes(channels * wholePanels(filters));
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
  pointGradient: usize,
  channels: i32,
  filters: i32,
  out: usize,
  accumulate: i32,
): void {
  const columns = wholePanels(filters);
  const matrix = bytes(channels * columns);
  for (let k = 0; k < filters; k += 4) {
    const from = pointGradient + bytes(unit * columns + k);
    storeTaps(from, matrix, scratch, out + bytes(unit * filters + k), bytes(channels * filters), accumulate); // prettier-ignore
  }
}
