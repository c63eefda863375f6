import type { AxisBlend, ClahePlan } from './contract';
import { BINS, reflect101 } from './plan';

/** Far more than the float32 rounding error of a blend of grey values (four roundings of at most 2^-17 each). */
const TIE_MARGIN = 2 ** -10;

/**
 * Equalises 8-bit planes of one size, bit for bit like OpenCV's `createCLAHE(clipLimit, tileGridSize).apply(src)`;
 * planes share tables and buffers.
 */
export class PlaneEqualizer {
  private readonly upper: TableOffsets;
  private readonly left: TableOffsets;
  /** The plane extended to whole tiles, if it does not consist of whole tiles. */
  private readonly extended: { plane: Uint8Array; row: Int32Array; column: Int32Array } | undefined;
  private readonly histogram = new Int32Array(BINS);
  /** `[rows, columns, BINS]`, as float32 so that blending converts nothing. */
  private readonly luts: Float32Array;

  constructor(private readonly plan: ClahePlan) {
    const { height, width, rows, columns } = plan;
    const extendedHeight = plan.tileHeight * rows;
    const extendedWidth = plan.tileWidth * columns;
    if (extendedHeight !== height || extendedWidth !== width) {
      this.extended = {
        plane: new Uint8Array(extendedHeight * extendedWidth),
        row: Int32Array.from({ length: extendedHeight }, (_, y) => reflect101(y, height)),
        column: Int32Array.from({ length: extendedWidth }, (_, x) => reflect101(x, width)),
      };
    }
    this.upper = tableOffsets(plan.rowBlend, rows, columns * BINS);
    this.left = tableOffsets(plan.columnBlend, columns, BINS);
    this.luts = new Float32Array(rows * columns * BINS);
  }

  /** Equalises the plane `src` into `dst`. */
  apply(src: Uint8Array | Uint8ClampedArray, dst: Uint8Array): void {
    this.buildLuts(this.extend(src));
    this.blend(src, dst);
  }

  /** The plane extended to whole tiles by reflection at its lower and right border. */
  private extend(src: Uint8Array | Uint8ClampedArray): Uint8Array | Uint8ClampedArray {
    if (this.extended === undefined) return src;
    const { plane, row, column } = this.extended;
    for (let y = 0, i = 0; y < row.length; y++) {
      const start = row[y]! * this.plan.width;
      for (let x = 0; x < column.length; x++) plane[i++] = src[start + column[x]!]!;
    }
    return plane;
  }

  /** One look-up table per tile: its clipped, cumulative histogram scaled to 0..255. */
  private buildLuts(plane: Uint8Array | Uint8ClampedArray): void {
    const { rows, columns, tileHeight, tileWidth, clipCount, lutScale } = this.plan;
    const { histogram, luts } = this;
    const stride = tileWidth * columns;
    for (let tile = 0; tile < rows * columns; tile++) {
      const top = Math.floor(tile / columns) * tileHeight;
      const left = (tile % columns) * tileWidth;
      histogram.fill(0);
      for (let y = top; y < top + tileHeight; y++) {
        const start = y * stride + left;
        for (let i = start; i < start + tileWidth; i++) histogram[plane[i]!]!++;
      }
      clipHistogram(histogram, clipCount);
      let sum = 0;
      for (let bin = 0; bin < BINS; bin++) {
        sum += histogram[bin]!;
        const value = roundHalfEven(Math.fround(Math.fround(sum) * lutScale));
        luts[tile * BINS + bin] = value > 255 ? 255 : value;
      }
    }
  }

  /**
   * Maps each pixel through the tables of its four nearest tiles, blended bilinearly.
   *
   * Double precision decides nearly every pixel. Only next to a tie (x.5) can OpenCV's float32 roundings, which add up
   * to less than {@link TIE_MARGIN}, give the other neighbour; there its arithmetic is repeated step by step.
   */
  private blend(src: Uint8Array | Uint8ClampedArray, dst: Uint8Array): void {
    const { luts } = this;
    const { width, height, rowBlend, columnBlend } = this.plan;
    const { first, second } = this.left;
    const rightWeights = columnBlend.nextWeight;
    for (let y = 0, i = 0; y < height; y++) {
      const upper = this.upper.first[y]!;
      const lower = this.upper.second[y]!;
      const lowerWeight = rowBlend.nextWeight[y]!;
      for (let x = 0; x < width; x++, i++) {
        const grey = src[i]!;
        const left = first[x]! + grey;
        const right = second[x]! + grey;
        const rightWeight = rightWeights[x]!;
        const a = luts[upper + left]!;
        const b = luts[upper + right]!;
        const c = luts[lower + left]!;
        const d = luts[lower + right]!;
        const above = a + (b - a) * rightWeight;
        const below = c + (d - c) * rightWeight;
        const raised = above + (below - above) * lowerWeight + 0.5;
        const value = raised | 0;
        const fraction = raised - value;
        dst[i] =
          Math.abs(fraction - 0.5) > 0.5 - TIE_MARGIN
            ? blendFloat32(a, b, c, d, rightWeight, lowerWeight)
            : value;
      }
    }
  }
}

/** OpenCV's blend of four table entries, rounded to float32 where it rounds. */
function blendFloat32(
  a: number,
  b: number,
  c: number,
  d: number,
  rightWeight: number,
  lowerWeight: number,
): number {
  const { fround } = Math;
  const leftWeight = fround(1 - rightWeight);
  const upperWeight = fround(1 - lowerWeight);
  const above = fround(fround(a * leftWeight) + fround(b * rightWeight));
  const below = fround(fround(c * leftWeight) + fround(d * rightWeight));
  return roundHalfEven(fround(fround(above * upperWeight) + fround(below * lowerWeight)));
}

/** For each position along an axis, the offsets of the tables of the tiles before and after it. */
interface TableOffsets {
  first: Int32Array;
  second: Int32Array;
}

function tableOffsets({ tile }: AxisBlend, tiles: number, step: number): TableOffsets {
  return {
    first: tile.map((before) => Math.max(before, 0) * step),
    second: tile.map((before) => Math.min(before + 1, tiles - 1) * step),
  };
}

/** Clips bins at `limit` and redistributes the excess: evenly first, the remainder at even steps from bin 0. */
function clipHistogram(histogram: Int32Array, limit: number): void {
  let excess = 0;
  for (let bin = 0; bin < BINS; bin++) {
    if (histogram[bin]! > limit) {
      excess += histogram[bin]! - limit;
      histogram[bin] = limit;
    }
  }
  const share = Math.floor(excess / BINS);
  for (let bin = 0; bin < BINS; bin++) histogram[bin]! += share;
  let rest = excess % BINS;
  const step = rest === 0 ? BINS : Math.max(1, Math.floor(BINS / rest));
  for (let bin = 0; bin < BINS && rest > 0; bin += step, rest--) histogram[bin]!++;
}

/** Nearest integer of a float32 in 0..2^22, ties to even: adding 2^23 leaves float32 no fraction bits. */
function roundHalfEven(value: number): number {
  return Math.fround(value + 8388608) - 8388608;
}
