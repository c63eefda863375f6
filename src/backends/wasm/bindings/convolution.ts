import type * as tf from '@tensorflow/tfjs';
import type { WasmBackend } from '../runtime/kernel_support';
import { spanOf, type Workspace } from '../runtime/workspace';

/** One convolution: `y[r, c] = sum over taps (i, j) of w[i, j] x[r * strideRow + i * dilationRow - top, …]`. */
interface Geometry {
  height: number;
  width: number;
  channels: number;
  outHeight: number;
  outWidth: number;
  filters: number;
  tapRows: number;
  tapColumns: number;
  strideRow: number;
  strideColumn: number;
  dilationRow: number;
  dilationColumn: number;
  top: number;
  left: number;
}

/** Bytes of images that are worked on at a time; at least one image. */
const GROUP_BYTES = 96 * 2 ** 20;
/** Bytes of a block of transformed tiles, input and output: what stays in the cache near the core. */
const TILE_BLOCK_BYTES = 1.5 * 2 ** 20;
/** The same for the taps' gradient, whose blocks all threads work on: what stays in the cache they share. */
const SHARED_BLOCK_BYTES = 8 * 2 ** 20;
/** Fewer tiles than this do not pay for streaming the transformed filters past them. */
const FEWEST_TILES = 48;
/** Bytes of gathered pixels: what stays in the cache near the core. */
const GATHER_BLOCK_BYTES = 256 * 2 ** 10;
/** Rows of the taps' gradient that a thread takes at a time where pixels are gathered. */
const TAP_ROWS = 96;
const TAP_PIXELS = 128;

/** Columns that a matrix product packs together, and tiles that a thread transforms at a time: as in `assembly/`. */
const PANEL = 8;
const TILES_PER_UNIT = 8;

/** `y = x * filter`, then bias and ReLU if asked for. */
export function convolve(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  tensors: { x: tf.TensorInfo; filter: tf.TensorInfo; bias?: tf.TensorInfo | undefined; y: tf.TensorInfo },
  relu: boolean,
): void {
  const { x, filter, bias, y } = tensors;
  const geometry = geometryOf(info);
  workspace.scope(backend, () => {
    const taps = workspace.input(spanOf(filter));
    const epilogue = { bias: bias === undefined ? 0 : workspace.input(spanOf(bias)), relu };
    const plan = planOf(workspace, geometry, taps, info.batchSize, false);
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.input(spanOf(x, first, count));
      const to = workspace.output(spanOf(y, first, count));
      plan(from, to, count, epilogue);
    });
  });
}

/**
 * `dx`, the gradient of a convolution's input: a convolution of `dy` with the taps turned by 180 degrees and transposed.
 */
export function convolveInputGradient(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  { dy, filter, dx }: { dy: tf.TensorInfo; filter: tf.TensorInfo; dx: tf.TensorInfo },
): void {
  const geometry = geometryOf(info);
  workspace.scope(backend, () => {
    const taps = workspace.input(spanOf(filter));
    const plan = planOf(workspace, geometry, taps, info.batchSize, true);
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.input(spanOf(dy, first, count));
      const to = workspace.output(spanOf(dx, first, count));
      plan(from, to, count, { bias: 0, relu: false });
    });
  });
}

/** `dw`, the gradient of a convolution's taps. */
export function convolveFilterGradient(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  { x, dy, dw }: { x: tf.TensorInfo; dy: tf.TensorInfo; dw: tf.TensorInfo },
): void {
  const geometry = geometryOf(info);
  const size = winogradSize(geometry, info.batchSize);
  workspace.scope(backend, () => {
    const to = workspace.output(spanOf(dw));
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.input(spanOf(x, first, count));
      const gradient = workspace.input(spanOf(dy, first, count));
      const work = { from, gradient, to, images: count, accumulate: first > 0 };
      if (size === undefined) gatheredTaps(workspace, geometry, work);
      else winogradTaps(workspace, geometry, size, work);
    });
  });
}

function geometryOf(info: tf.backend_util.Conv2DInfo): Geometry {
  return {
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    filters: info.outChannels,
    tapRows: info.filterHeight,
    tapColumns: info.filterWidth,
    strideRow: info.strideHeight,
    strideColumn: info.strideWidth,
    dilationRow: info.dilationHeight,
    dilationColumn: info.dilationWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
  };
}

/** The convolution that takes an output's gradient to the input's, for stride 1. */
function turned(geometry: Geometry): Geometry {
  const { tapRows, tapColumns, dilationRow, dilationColumn, top, left } = geometry;
  return {
    ...geometry,
    height: geometry.outHeight,
    width: geometry.outWidth,
    channels: geometry.filters,
    outHeight: geometry.height,
    outWidth: geometry.width,
    filters: geometry.channels,
    top: (tapRows - 1) * dilationRow - top,
    left: (tapColumns - 1) * dilationColumn - left,
  };
}

/** Tile size of Winograd's algorithm where it pays; undefined where it does not apply. */
function winogradSize(geometry: Geometry, images: number): 2 | 4 | undefined {
  const { tapRows, tapColumns, strideRow, strideColumn, dilationRow, dilationColumn } = geometry;
  const { channels, filters, outHeight, outWidth } = geometry;
  const plain = strideRow * strideColumn * dilationRow * dilationColumn === 1;
  if (tapRows !== 3 || tapColumns !== 3 || !plain) return undefined;
  if (channels % 4 !== 0 || filters % 4 !== 0 || Math.min(channels, filters) < 8) return undefined;
  // few large tiles cost more for their edges and their filters than they save
  return tilesOf(4, outHeight, outWidth) * images < 12 ? 2 : 4;
}

const tilesOf = (size: number, height: number, width: number) =>
  Math.ceil(height / size) * Math.ceil(width / size);

/** Calls `work` with groups of images that fit in memory, each in a scope of its own. */
function inGroups(
  workspace: Workspace,
  backend: WasmBackend,
  { height, width, channels, outHeight, outWidth, filters }: Geometry,
  images: number,
  work: (first: number, count: number) => void,
): void {
  const bytes = 4 * (height * width * channels + outHeight * outWidth * filters);
  const group = Math.max(1, Math.floor(GROUP_BYTES / bytes));
  for (let first = 0; first < images; first += group) {
    const count = Math.min(group, images - first);
    workspace.scope(backend, () => work(first, count));
  }
}

/** What follows the sum over taps. */
interface Epilogue {
  /** Address of a bias per filter, or 0. */
  bias: number;
  relu: boolean;
}

/** Convolves images at an address to another one. */
type Plan = (from: number, to: number, images: number, epilogue: Epilogue) => void;

/**
 * Prepares the taps and tells how to convolve with them.
 *
 * @param gradient - Whether to take outputs' gradients to inputs' rather than inputs to outputs.
 */
function planOf(
  workspace: Workspace,
  forward: Geometry,
  taps: number,
  images: number,
  gradient: boolean,
): Plan {
  const unitStride = forward.strideRow === 1 && forward.strideColumn === 1;
  const geometry = gradient ? turned(forward) : forward;
  const size = unitStride ? winogradSize(geometry, images) : undefined;
  if (size !== undefined) return winograd(workspace, geometry, size, taps, gradient);
  const grids = gradient ? phases(forward) : [wholeGrid(forward)];
  const plans = grids.map((grid) => gathered(workspace, geometry, grid, taps, gradient));
  return (...args) => plans.forEach((plan) => plan(...args));
}

function winograd(
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

/** Steps from one channel, and one filter, to the next in the taps as they lie in memory: `[3, 3, in, out]`. */
const stepsOfTaps = (turnedTaps: boolean, channels: number, filters: number) =>
  // the gradient's channels are `out`
  turnedTaps ? { channelStep: 1, filterStep: channels } : { channelStep: filters, filterStep: 1 };

const FILTER_SCRATCH = 1024;

/** Rows of a matrix product come in fours. */
const wholeRows = (rows: number) => 4 * Math.ceil(rows / 4);

/** Which outputs are computed from which taps, where every output meets the same ones. */
interface Grid {
  /** Indices of the taps met. */
  taps: number[];
  /** Row and column of the input that each of them meets at output (0, 0) of the grid. */
  offsets: number[];
  strideRow: number;
  strideColumn: number;
  rows: number;
  columns: number;
  /** Where the grid lies in the output. */
  firstRow: number;
  firstColumn: number;
  stepRow: number;
  stepColumn: number;
}

function wholeGrid(geometry: Geometry): Grid {
  const { tapRows, tapColumns, dilationRow, dilationColumn, top, left } = geometry;
  const all = Array.from({ length: tapRows * tapColumns }, (_, tap) => tap);
  const rowOf = (tap: number) => Math.floor(tap / tapColumns) * dilationRow - top;
  const columnOf = (tap: number) => (tap % tapColumns) * dilationColumn - left;
  return {
    taps: all,
    offsets: all.flatMap((tap) => [rowOf(tap), columnOf(tap)]),
    strideRow: geometry.strideRow,
    strideColumn: geometry.strideColumn,
    rows: geometry.outHeight,
    columns: geometry.outWidth,
    firstRow: 0,
    firstColumn: 0,
    stepRow: 1,
    stepColumn: 1,
  };
}

/**
 * The gradient of a strided convolution's input: pixel `h` meets tap `i` at output `(h + top - i * dilation) / stride`, where
 * that is whole, so the taps met depend on `h mod stride` only. Each such phase is a grid, and no zero is multiplied.
 */
function phases(forward: Geometry): Grid[] {
  const { strideRow, strideColumn, tapRows, tapColumns, top, left, height, width } = forward;
  const axis = (phase: number, stride: number, taps: number, dilation: number, pad: number) =>
    Array.from({ length: taps }, (_, tap) => ({
      tap,
      offset: (phase + pad - tap * dilation) / stride,
    })).filter(({ offset }) => Number.isInteger(offset));
  const grids: Grid[] = [];
  for (let a = 0; a < Math.min(strideRow, height); a++) {
    for (let b = 0; b < Math.min(strideColumn, width); b++) {
      const rows = axis(a, strideRow, tapRows, forward.dilationRow, top);
      const columns = axis(b, strideColumn, tapColumns, forward.dilationColumn, left);
      const pairs = rows.flatMap((row) => columns.map((column) => ({ row, column })));
      grids.push({
        taps: pairs.map(({ row, column }) => row.tap * tapColumns + column.tap),
        offsets: pairs.flatMap(({ row, column }) => [row.offset, column.offset]),
        strideRow: 1,
        strideColumn: 1,
        rows: Math.ceil((height - a) / strideRow),
        columns: Math.ceil((width - b) / strideColumn),
        firstRow: a,
        firstColumn: b,
        stepRow: strideRow,
        stepColumn: strideColumn,
      });
    }
  }
  return grids;
}

function gathered(
  workspace: Workspace,
  { height, width, channels, outHeight, outWidth, filters }: Geometry,
  grid: Grid,
  taps: number,
  turnedTaps: boolean,
): Plan {
  const { kernels } = workspace;
  const count = grid.taps.length;
  const depth = count * channels;
  const packed = workspace.scratch(4 * depth * PANEL * Math.ceil(filters / PANEL));
  const chosen = workspace.integers(grid.taps);
  const offsets = workspace.integers(grid.offsets);
  const { channelStep: depthStep, filterStep: outputStep } = stepsOfTaps(turnedTaps, channels, filters);
  workspace.run('gatheredFilter', Math.ceil(filters / PANEL), 0, {
    ...{ taps, chosen, count, depth: channels, outputs: filters, depthStep, outputStep, out: packed },
  });
  const fitting = Math.floor(GATHER_BLOCK_BYTES / (4 * (depth + filters)));
  return (from, to, images, { bias, relu }) => {
    const total = images * grid.rows * grid.columns;
    const pixels = wholeRows(Math.min(Math.max(24, fitting), Math.ceil(total / workspace.threads)));
    const scratch = kernels.gatheredConvolveScratch({ taps: count, channels, filters, pixels });
    workspace.run('gatheredConvolve', Math.ceil(total / pixels), scratch, {
      ...{ ...grid, offsets, taps: count, x: from, images, height, width, channels },
      ...{ packed, filters, bias, relu: Number(relu), y: to, outHeight, outWidth, pixels },
    });
  };
}

/** Where the taps' gradient is computed from and to. */
interface TapWork {
  from: number;
  gradient: number;
  to: number;
  images: number;
  /** Add to what is there. */
  accumulate: boolean;
}

function winogradTaps(
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

function gatheredTaps(
  workspace: Workspace,
  geometry: Geometry,
  { from, gradient, to, images, accumulate }: TapWork,
): void {
  const { height, width, channels, outHeight, outWidth, filters } = geometry;
  const grid = wholeGrid(geometry);
  const count = grid.taps.length;
  const offsets = workspace.integers(grid.offsets);
  const rows = Math.min(TAP_ROWS, wholeRows(Math.ceil((count * channels) / workspace.threads)));
  const scratch = workspace.kernels.gatheredTapsScratch({ filters, rowsPerUnit: rows, pixels: TAP_PIXELS });
  workspace.run('gatheredTaps', Math.ceil((count * channels) / rows), scratch, {
    ...{ x: from, images, height, width, channels, offsets, taps: count },
    ...{ strideRow: grid.strideRow, strideColumn: grid.strideColumn, dy: gradient },
    ...{ rows: outHeight, columns: outWidth, filters, out: to, rowsPerUnit: rows, pixels: TAP_PIXELS },
    accumulate: Number(accumulate),
  });
}
