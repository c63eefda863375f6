import type { Workspace } from '../../runtime/workspace';
import { PANEL, stepsOfTaps, wholeRows, type Geometry, type Plan, type TapWork } from './geometry';

/** Bytes of gathered pixels that fit a core's own cache. */
const GATHER_BLOCK_BYTES = 256 * 2 ** 10;
/** Rows of the gradient of the taps per unit, and pixels gathered at a time. */
const TAP_ROWS = 96;
const TAP_PIXELS = 128;

/** A grid of outputs that are all computed from the same taps. */
export interface Grid {
  /** Indices of the taps. */
  taps: number[];
  /**
   * For each tap, the row and column of the input that it reads at output (0, 0) of the grid, and the number of
   * adjacent taps from it on.
   */
  offsets: number[];
  strideRow: number;
  strideColumn: number;
  rows: number;
  columns: number;
  /** Position of the grid in the output. */
  firstRow: number;
  firstColumn: number;
  stepRow: number;
  stepColumn: number;
}

/** All outputs, each computed from all taps. */
export function wholeGrid(geometry: Geometry): Grid {
  const { tapRows, tapColumns, dilationRow, dilationColumn, top, left } = geometry;
  const all = Array.from({ length: tapRows * tapColumns }, (_, tap) => tap);
  const rowOf = (tap: number) => Math.floor(tap / tapColumns) * dilationRow - top;
  const columnOf = (tap: number) => (tap % tapColumns) * dilationColumn - left;
  return {
    taps: all,
    offsets: withRuns(all.map((tap) => [rowOf(tap), columnOf(tap)])),
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
 * The gradient of a strided convolution's input: pixel `h` meets tap `i` at output `(h + top - i * dilation) / stride`,
 * if that is an integer, so that the taps depend only on `h mod stride`. Each such phase is a grid, without
 * multiplications by zero.
 */
export function phases(forward: Geometry): Grid[] {
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
        offsets: withRuns(pairs.map(({ row, column }) => [row.offset, column.offset])),
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

/** Adds to each position the number of adjacent positions from it on. */
function withRuns(places: [row: number, column: number][]): number[] {
  const runs = places.map(() => 1);
  for (let i = places.length - 2; i >= 0; i--) {
    const [[row, column], [nextRow, nextColumn]] = [places[i]!, places[i + 1]!];
    if (nextRow === row && nextColumn === column + 1) runs[i] = runs[i + 1]! + 1;
  }
  return places.flatMap((place, i) => [...place, runs[i]!]);
}

/** Packs the taps of a grid, and returns a function that convolves with them. */
export function gathered(
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

/** The gradient of the taps from gathered pixels. */
export function gatheredTaps(
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
