/** Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link ColorJitterAttrs}. */
export const COLOR_JITTER_KERNEL = 'CtColorJitter';

export interface ColorJitterAttrs {
  brightness: number;
  contrast: number;
}
