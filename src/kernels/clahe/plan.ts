import type { AxisBlend, ClaheAttrs, ClahePlan } from './contract';

/** Grey values, and so bins of a histogram. */
export const BINS = 256;

/**
 * Tiles of planes of one size, and the position of each pixel relative to them.
 *
 * Every `Math.fround` is a float32 rounding of OpenCV's arithmetic; without them some pixels would differ by one grey
 * value.
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
  // as in OpenCV, an axis that is divisible already still grows by one row or column per tile
  const tileHeight = whole ? height / rows : Math.floor(height / rows) + 1;
  const tileWidth = whole ? width / columns : Math.floor(width / columns) + 1;
  const tileArea = tileHeight * tileWidth;
  // no count exceeds the area, so that a limit of the area or more has no effect
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

/** Position in 0..length-1 of a reflected pixel, without repeating the edge (BORDER_REFLECT_101). */
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
