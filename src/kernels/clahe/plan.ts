import type { AxisBlend, ClaheAttrs, ClahePlan } from './contract';

/** Grey values of a bin and bins of a tile: 8 bits. */
export const BINS = 256;

/**
 * Tiles of planes of one size, and how each pixel lies to them.
 *
 * Every `Math.fround` is a float32 rounding that OpenCV's arithmetic has too; without them some pixels would come out
 * one grey value off.
 */
export function clahePlan(
  height: number,
  width: number,
  {
    clipLimit,
    tileGridSize: [rows, columns],
  }: { clipLimit: number; tileGridSize: readonly [number, number] },
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

/** The image value of every grey value: `grey * span / 255 + low`, rounded to float32 at each step. */
export function greyValues({ low, span }: ClaheAttrs): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, grey) => fround(fround(grey * span) / 255) + low);
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
