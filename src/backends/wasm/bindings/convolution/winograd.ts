import type { Workspace } from '../../runtime/workspace';
import { PANEL, stepsOfTaps, wholeRows, type Geometry, type Plan, type TapWork } from './geometry';

/** Outputs of a tile along one axis, and values of a transformed tile, as in `assembly/`. */
const SIZE = 4;
const VALUES = (SIZE + 2) ** 2;
/** Bytes of a block of transformed tiles, input and output, that fit a core's own cache. */
const TILE_BLOCK_BYTES = 1.5 * 2 ** 20;
/** The same for the gradient of the taps, whose blocks all threads work on: bytes that fit the shared cache. */
const SHARED_BLOCK_BYTES = 8 * 2 ** 20;
/** Least number of tiles for which reading the transformed filters pays off. */
const FEWEST_TILES = 48;
/** From so many bytes on, transformed filters do not stay in the caches; for up to so many tiles they need not. */
const LARGE_FILTER_BYTES = 4 * 2 ** 20;
const FEW_TILES = 160;
/** Tiles and filters per unit, as in `assembly/`. */
const TILES_PER_UNIT = 8;
const FILTERS_PER_UNIT = 16;
const FILTER_SCRATCH = 1024;

/** Whether Winograd's algorithm applies and is the fastest. */
export function suitsWinograd(geometry: Geometry, images: number): boolean {
  const { tapRows, tapColumns, strideRow, strideColumn, dilationRow, dilationColumn } = geometry;
  const { channels, filters, outHeight, outWidth } = geometry;
  const plain = strideRow * strideColumn * dilationRow * dilationColumn === 1;
  if (tapRows !== 3 || tapColumns !== 3 || !plain) return false;
  if (channels % 4 !== 0 || filters % 4 !== 0 || Math.min(channels, filters) < 8) return false;
  const [tiles, pixels] = [tilesOf(geometry, images), images * outHeight * outWidth];
  // few tiles cost more for their edges and filters than they save
  return tiles >= 12 || (pixels >= 64 && tiles * SIZE ** 2 <= 1.5 * pixels);
}

const tilesOf = ({ outHeight, outWidth }: Geometry, images: number) =>
  images * Math.ceil(outHeight / SIZE) * Math.ceil(outWidth / SIZE);

/** Prepares the taps for Winograd's algorithm, and returns a function that convolves up to so many images with them. */
export function winograd(
  workspace: Workspace,
  geometry: Geometry,
  taps: number,
  { images, turned }: { images: number; turned: boolean },
): Plan {
  const { height, width, channels, outHeight, outWidth, filters, top, left } = geometry;
  const { kernels } = workspace;
  const steps = stepsOfTaps(turned, channels, filters);
  const filter = { taps, channels, filters, ...steps, turned: Number(turned) };
  if (fewTiles(geometry, images)) {
    return (from, to, count, { bias, relu }) => {
      const { inputs, tiles } = transformedInputs(workspace, geometry, from, count);
      const scratch = kernels.winogradPanelsScratch({ channels, tiles });
      workspace.run('winogradPanels', Math.ceil(filters / FILTERS_PER_UNIT), scratch, {
        ...{ ...filter, inputs, tiles, bias, relu: Number(relu), y: to, outHeight, outWidth },
      });
    };
  }
  const transformed = workspace.scratch(kernels.winogradFilterBytes({ channels, filters }));
  const panels = Math.ceil(filters / PANEL);
  workspace.run('winogradFilter', panels, FILTER_SCRATCH, { ...filter, out: transformed });
  const fitting = Math.floor(TILE_BLOCK_BYTES / (4 * VALUES * (channels + filters)));
  return (from, to, count, { bias, relu }) => {
    const total = tilesOf(geometry, count);
    const share = Math.ceil(total / workspace.threads);
    const tiles = Math.min(wholeRows(Math.max(FEWEST_TILES, fitting)), wholeRows(share));
    const scratch = kernels.winogradConvolveScratch({ channels, filters, tiles });
    workspace.run('winogradConvolve', Math.ceil(total / tiles), scratch, {
      ...{ x: from, images: count, height, width, channels, top, left, transformed, filters },
      ...{ bias, relu: Number(relu), y: to, outHeight, outWidth, tiles },
    });
  };
}

/** The gradient of the taps by Winograd's algorithm. */
export function winogradTaps(
  workspace: Workspace,
  geometry: Geometry,
  { from, gradient, to, images, accumulate }: TapWork,
): void {
  const { channels, filters } = geometry;
  const { kernels } = workspace;
  if (fewTiles(geometry, images)) {
    const { inputs, tiles } = transformedInputs(workspace, geometry, from, images);
    const gradients = workspace.scratch(kernels.winogradGradientsBytes({ filters, tiles }));
    transformGradients(workspace, geometry, { gradient, gradients, first: 0, tiles });
    const scratch = kernels.winogradTapPanelsScratch({ channels });
    workspace.run('winogradTapPanels', Math.ceil(filters / FILTERS_PER_UNIT), scratch, {
      ...{ inputs, gradients, tiles, channels, filters, out: to, accumulate: Number(accumulate) },
    });
    return;
  }
  const total = tilesOf(geometry, images);
  const fitting = Math.floor(SHARED_BLOCK_BYTES / (4 * VALUES * (channels + filters)));
  const block = Math.min(total, Math.max(FEWEST_TILES, fitting));
  const inputs = workspace.scratch(kernels.winogradInputsBytes({ channels, tiles: block }));
  const gradients = workspace.scratch(kernels.winogradGradientsBytes({ filters, tiles: block }));
  const sums = workspace.scratch(kernels.winogradPointGradientBytes({ channels, filters }));
  for (let first = 0; first < total; first += block) {
    const tiles = Math.min(block, total - first);
    transformInputs(workspace, geometry, { from, inputs, first, tiles });
    transformGradients(workspace, geometry, { gradient, gradients, first, tiles });
    workspace.run('winogradAccumulate', VALUES, 0, {
      ...{ inputs, gradients, tiles, channels, filters, out: sums, accumulate: Number(first > 0) },
    });
  }
  workspace.run('winogradTaps', channels, kernels.winogradTilesScratch({ channels }), {
    ...{ pointGradient: sums, channels, filters, out: to, accumulate: Number(accumulate) },
  });
}

/** Whether to transform a few filters at a time and multiply all tiles by them. */
function fewTiles(geometry: Geometry, images: number): boolean {
  const { channels, filters } = geometry;
  return 4 * VALUES * channels * filters >= LARGE_FILTER_BYTES && tilesOf(geometry, images) <= FEW_TILES;
}

/** All tiles of so many images, with room for whole rows of a matrix product. */
function transformedInputs(workspace: Workspace, geometry: Geometry, from: number, images: number) {
  const { channels } = geometry;
  const tiles = tilesOf(geometry, images);
  const bytes = workspace.kernels.winogradInputsBytes({ channels, tiles: wholeRows(tiles) });
  const inputs = workspace.scratch(bytes);
  transformInputs(workspace, geometry, { from, inputs, first: 0, tiles });
  return { inputs, tiles };
}

function transformInputs(
  workspace: Workspace,
  { height, width, channels, top, left, outHeight, outWidth }: Geometry,
  { from, inputs, first, tiles }: { from: number; inputs: number; first: number; tiles: number },
): void {
  const scratch = workspace.kernels.winogradTilesScratch({ channels });
  workspace.run('winogradInputs', Math.ceil(tiles / TILES_PER_UNIT), scratch, {
    ...{ x: from, height, width, channels, top, left, outHeight, outWidth, first, tiles, out: inputs },
  });
}

function transformGradients(
  workspace: Workspace,
  { outHeight, outWidth, filters }: Geometry,
  {
    gradient,
    gradients,
    first,
    tiles,
  }: { gradient: number; gradients: number; first: number; tiles: number },
): void {
  const scratch = workspace.kernels.winogradTilesScratch({ channels: filters });
  workspace.run('winogradGradients', Math.ceil(tiles / TILES_PER_UNIT), scratch, {
    ...{ dy: gradient, height: outHeight, width: outWidth, filters, first, tiles, out: gradients },
  });
}
