/** Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link ClaheAttrs}: as many images, equalised. */
export const CLAHE_KERNEL = 'CtClahe';

/** Attributes: grey values are `floor((value - low) * scale + 0.5)`, and `grey * span / 255 + low` is given back. */
export interface ClaheAttrs {
  plan: ClahePlan;
  low: number;
  scale: number;
  span: number;
}

/** Tiles of the planes that are equalised, and how a pixel lies to them. */
export interface ClahePlan {
  height: number;
  width: number;
  /** Number of tiles down and across. */
  rows: number;
  columns: number;
  tileHeight: number;
  tileWidth: number;
  /** Height at which a bin is cut. */
  clipCount: number;
  /** What turns a cumulated count into a grey value, a float32. */
  lutScale: number;
  rowBlend: AxisBlend;
  columnBlend: AxisBlend;
}

/** For each position along an axis: the tile whose centre is before it (-1 for none), and the next tile's weight. */
export interface AxisBlend {
  tile: Int32Array;
  nextWeight: Float32Array;
}
