import type { Workspace } from '../../runtime/workspace';
import { PANEL, stepsOfTaps, wholeRows, type Geometry, type Plan, type TapWork } from './geometry';

/** Bytes of a block of transformed tiles, input and output, that fit a core's own cache. */
const TILE_BLOCK_BYTES = 1.5 * 2 ** 20;
/** The same for the gradient of the taps, whose blocks all threads work on: bytes that fit the shared cache. */
const SHARED_BLOCK_BYTES = 8 * 2 ** 20;
/** Least number of tiles for which reading the transformed filters pays off. */
const FEWEST_TILES = 48;
/** Tiles per unit, as in `assembly/`. */
const TILES_PER_UNIT = 8;
const FILTER_SCRATCH = 1024;

/** Tile size for Winograd's algorithm; undefined if it does not apply. */
export function winogradSize(geometry: Geometry, images: number): 2 | 4 | undefined {
  const { tapRows, tapColumns, strideRow, strideColumn, dilationRow, dilationColumn } = geometry;
  const { channels, filters, outHeight, outWidth } = geometry;
  const plain = strideRow * strideColumn * dilationRow * dilationColumn === 1;
  if (tapRows !== 3 || tapColumns !== 3 || !plain) return undefined;
  if (channels % 4 !== 0 || filters % 4 !== 0 || Math.min(channels, filters) < 8) return undefined;
  // few large tiles cost more for their edges and filters than they save
  return tilesOf(4, outHeight, outWidth) * images < 12 ? 2 : 4;
}

const tilesOf = (size: number, height: number, width: number) =>
  Math.ceil(height / size) * Math.ceil(width / size);

/** Transforms the taps for Winograd's algorithm, and returns a function that convolves with them. */
export function winograd(
  workspace: Workspace,
  { height, width, channels, outHeight, outWidth, filters, top, left }: Geometry,
  size: number,
  taps: number,
  turnedTaps: boolean,
): Plan {
  const { kernels } = workspace;
  const transformed = workspace.scratch(kernels.winogradFilterBytes({ size, channels, filters }));
  workspace.run('winogradFilter', Math.ceil(filters / PANEL), FILTER_SCRATCH, {
    ...{ size, taps, channels, filters, turned: Number(turnedTaps), out: transformed },
    ...stepsOfTaps(turnedTaps, channels, filters),
  });
  const points = (size + 2) ** 2;
  const fitting = Math.floor(TILE_BLOCK_BYTES / (4 * points * (channels + filters)));
  return (from, to, images, { bias, relu }) => {
    const total = images * tilesOf(size, outHeight, outWidth);
    const share = Math.ceil(total / workspace.threads);
    const tiles = Math.min(wholeRows(Math.max(FEWEST_TILES, fitting)), wholeRows(share));
    const scratch = kernels.winogradConvolveScratch({ size, channels, filters, tiles });
    workspace.run('winogradConvolve', Math.ceil(total / tiles), scratch, {
      ...{ size, x: from, images, height, width, channels, top, left, transformed, filters },
      ...{ bias, relu: Number(relu), y: to, outHeight, outWidth, tiles },
    });
  };
}

/** The gradient of the taps by Winograd's algorithm. */
export function winogradTaps(
  workspace: Workspace,
  { height, width, channels, outHeight, outWidth, filters, top, left }: Geometry,
  size: number,
  { from, gradient, to, images, accumulate }: TapWork,
): void {
  const { kernels } = workspace;
  const points = (size + 2) ** 2;
  const total = images * tilesOf(size, outHeight, outWidth);
  const fitting = Math.floor(SHARED_BLOCK_BYTES / (4 * points * (channels + filters)));
  const block = Math.min(total, Math.max(FEWEST_TILES, fitting));
  const inputs = workspace.scratch(kernels.winogradInputsBytes({ size, channels, tiles: block }));
  const gradients = workspace.scratch(kernels.winogradGradientsBytes({ size, filters, tiles: block }));
  const sums = workspace.scratch(kernels.winogradPointGradientBytes({ size, channels, filters }));
  const scratch = kernels.winogradTilesScratch({ size, channels: Math.max(channels, filters) });
  for (let first = 0; first < total; first += block) {
    const tiles = Math.min(block, total - first);
    const units = Math.ceil(tiles / TILES_PER_UNIT);
    workspace.run('winogradInputs', units, scratch, {
      ...{ size, x: from, height, width, channels, top, left, outHeight, outWidth, first, tiles },
      out: inputs,
    });
    workspace.run('winogradGradients', units, scratch, {
      ...{ size, dy: gradient, height: outHeight, width: outWidth, filters, first, tiles, out: gradients },
    });
    workspace.run('winogradAccumulate', points, 0, {
      ...{ inputs, gradients, tiles, channels, filters, out: sums, accumulate: Number(first > 0) },
    });
  }
  workspace.run('winogradTaps', channels, scratch, {
    ...{ size, pointGradient: sums, channels, filters, out: to, accumulate: Number(accumulate) },
  });
}
