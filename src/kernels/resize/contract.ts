/** Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link ResizeAttrs}. */
export const RESIZE_KERNEL = 'CtResize';

/** Attributes: the vertical and the horizontal filter. */
export interface ResizeAttrs {
  rows: AxisFilter;
  columns: AxisFilter;
}

/** Each new position as a weighted sum of `taps` consecutive old ones. */
export interface AxisFilter {
  taps: number;
  /** The first old position of each new one. */
  first: Int32Array;
  /** `[new positions, taps]`. */
  weights: Float32Array;
}
