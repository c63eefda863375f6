import { check, isPositiveInteger } from '../base/errors';
import type { AxisBlend, ClahePlan } from '../base/types';

/** Options of `claheUint8`. */
export interface ClaheUint8Options {
  /**
   * Height at which a tile's histogram is cut, as a multiple of the mean bin; what is cut is spread over all bins.
   * 0 does not cut (plain adaptive equalisation).
   *
   * @defaultValue 2
   */
  clipLimit?: number;
  /**
   * Number of tiles, `[rows, columns]`, each 1 to 256. (OpenCV's `tileGridSize` is `(columns, rows)`.)
   *
   * @defaultValue [8, 8]
   */
  tileGridSize?: [number, number];
}

/** Grey values of a bin and bins of a tile: 8 bits. */
export const BINS = 256;

/** The options with defaults filled in, or an error that names the one at fault. */
export function resolveClaheOptions(what: string, options: ClaheUint8Options): Required<ClaheUint8Options> {
  const { clipLimit = 2, tileGridSize = [8, 8] } = options;
  check(
    Number.isFinite(clipLimit) && clipLimit >= 0,
    `${what}: clipLimit`,
    'a number of at least 0',
    clipLimit,
  );
  check(
    Array.isArray(tileGridSize) &&
      tileGridSize.length === 2 &&
      tileGridSize.every((tiles) => isPositiveInteger(tiles) && tiles <= 256),
    `${what}: tileGridSize`,
    '[rows, columns], each an integer in 1..256',
    tileGridSize,
  );
  return { clipLimit, tileGridSize: [tileGridSize[0], tileGridSize[1]] };
}

/**
 * Tiles of planes of one size, and how each pixel lies to them.
 *
 * Every `Math.fround` is a float32 rounding that OpenCV's arithmetic has too; without them some pixels would come out
 * one grey value off.
 */
export function clahePlan(
  height: number,
  width: number,
  { clipLimit, tileGridSize: [rows, columns] }: Required<ClaheUint8Options>,
): ClahePlan {
  const whole = height % rows === 0 && width % columns === 0;
  // As OpenCV does: an axis that was whole already grows by one more row or column per tile.
  const tileHeight = whole ? height / rows : Math.floor(height / rows) + 1;
  const tileWidth = whole ? width / columns : Math.floor(width / columns) + 1;
  const tileArea = tileHeight * tileWidth;
  // no count exceeds the area, and a limit of the area or more is none
  const clipCount = clipLimit === 0 ? tileArea : Math.max(1, Math.floor((clipLimit * tileArea) / BINS));
  return {
    height,
    width,
    rows,
    columns,
    tileHeight,
    tileWidth,
    clipCount: Math.min(clipCount, tileArea),
    lutScale: Math.fround((BINS - 1) / tileArea),
    rowBlend: axisBlend(height, tileHeight),
    columnBlend: axisBlend(width, tileWidth),
  };
}

/** Position inside 0..length-1 of a mirror image whose edge pixel is not repeated (BORDER_REFLECT_101). */
export function reflect101(position: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = position % period;
  return within < length ? within : period - within;
}

function axisBlend(length: number, tileLength: number): AxisBlend {
  const blend = { tile: new Int32Array(length), nextWeight: new Float32Array(length) };
  const inverse = Math.fround(1 / tileLength);
  for (let i = 0; i < length; i++) {
    const position = Math.fround(Math.fround(i * inverse) - 0.5);
    const tile = Math.floor(position);
    blend.tile[i] = tile;
    blend.nextWeight[i] = position - tile;
  }
  return blend;
}
