import * as tf from '@tensorflow/tfjs';
import { check } from '../errors';
import { onImages } from './images';

/** A display window in Hounsfield units (HU). */
export interface HuWindow {
  /** Value shown half bright, in HU. */
  center: number;
  /** Distance between the value shown black and the one shown white, in HU; above 0. */
  width: number;
}

/** Windows that radiologists read head CT in. */
export const CT_WINDOWS = {
  /** Grey and white matter, most hemorrhages. */
  brain: { center: 40, width: 80 },
  /** Thin blood along the skull. */
  subdural: { center: 80, width: 200 },
  /** Early ischemia. */
  stroke: { center: 32, width: 8 },
  /** Scalp, muscle. */
  softTissue: { center: 40, width: 380 },
  /** Fractures. */
  bone: { center: 600, width: 2800 },
} as const satisfies Readonly<Record<string, Readonly<HuWindow>>>;

/**
 * Maps Hounsfield units to 0..1: `clip((x - (center - width / 2)) / width, 0, 1)`. Differentiable.
 *
 * This is DICOM's `LINEAR_EXACT`; its `LINEAR` is half a unit off and made for integers.
 *
 * @param images - HU, `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the shape that came in, float32, within [0, 1].
 * @throws {@link ArgumentError} for images of another shape or a width that is not above 0.
 * @example
 * ```ts
 * const brain = huWindow(tf.tensor2d([[-1000, 40, 3000]]), CT_WINDOWS.brain); // [[0, 0.5, 1]]
 * ```
 */
export function huWindow<T extends tf.Tensor>(images: T, window: Readonly<HuWindow>): T {
  check(typeof window === 'object' && window !== null, 'huWindow: window', '{ center, width }', window);
  const { center, width } = window;
  check(Number.isFinite(center), 'huWindow: center', 'a number of HU', center);
  check(Number.isFinite(width) && width > 0, 'huWindow: width', 'a number of HU above 0', width);
  return onImages('huWindow', images, (x) =>
    tf.clipByValue(tf.div(tf.sub(x, center - width / 2), width), 0, 1),
  );
}
