/** Kernel of image stacks `[n, h, w, c]`, input `x`, with attributes {@link FlipAttrs}. */
export const FLIP_KERNEL = 'CtFlip';

export interface FlipAttrs {
  direction: 'horizontal' | 'vertical';
}
