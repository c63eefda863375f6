import type { ColorJitterAttrs } from '../color_jitter/contract';

/** Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link WarpAttrs}: an affine transform. */
export const WARP_KERNEL = 'CtWarp';

export interface WarpAttrs {
  /**
   * Size of the output, and of the image that `matrix` refers to: an input of another size is read as if resized to it.
   */
  size: readonly [number, number];
  /** `[a, b, c, d, e, f]`: the output pixel (x, y) reads the image at (ax + by + c, dx + ey + f). */
  matrix: readonly number[];
  fill: number;
  nearest: boolean;
  /** Brightness and contrast of the result. */
  jitter?: ColorJitterAttrs;
}
