/**
 * Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link ClaheAttrs}; outputs the equalised images.
 */
export const CLAHE_KERNEL = 'CtClahe';

/** Attributes: grey values are `floor((value - low) * scale + 0.5)`, and the output is `grey * span / 255 + low`. */
export interface ClaheAttrs {
  plan: ClahePlan;
  low: number;
  scale: number;
  span: number;
}

/** Tiles of a plane, and the position of each pixel relative to them. */
export interface ClahePlan {
  height: number;
  width: number;
  /** Number of tiles down and across. */
  rows: number;
  columns: number;
  tileHeight: number;
  tileWidth: number;
  /** Count at which a bin is clipped. */
  clipCount: number;
  /** Factor from a cumulative count to a grey value, a float32. */
  lutScale: number;
  rowBlend: AxisBlend;
  columnBlend: AxisBlend;
}

/** For each position along an axis: the tile whose centre is before it (-1 for none), and the next tile's weight. */
export interface AxisBlend {
  tile: Int32Array;
  nextWeight: Float32Array;
}
