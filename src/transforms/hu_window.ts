import * as tf from '@tensorflow/tfjs';
import { check, checkOneOf } from '../base/checks';
import { checkImages, onImages } from './images';

/**
 * A display window in Hounsfield units (HU).
 *
 * @inline
 */
export interface HuWindow {
  /** Value shown as mid-grey, in HU. */
  center: number;
  /** Distance between the value shown black and the one shown white, in HU; above 0. */
  width: number;
}

/**
 * Windows in which radiologists read head CT, and which detection systems use as channels: the winners of the RSNA 2019
 * challenge used brain, subdural and bone, or brain, subdural and soft tissue.
 */
export const CT_WINDOWS = {
  /** Grey and white matter, most hemorrhages. */
  brain: { center: 40, width: 80 },
  /** Brain with a margin for fresh blood; the window of the JPEG images of the CT-ICH data set. */
  brainWide: { center: 40, width: 120 },
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
 * This is DICOM's `LINEAR_EXACT`; its `LINEAR` is offset by half a unit and intended for integers.
 *
 * @param images - HU, `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the input's shape, float32, within [0, 1].
 * @throws ArgumentError for images of another shape or a width that is not above 0.
 * @example
 * ```ts
 * const brain = huWindow(tf.tensor2d([[-1000, 40, 3000]]), CT_WINDOWS.brain); // [[0, 0.5, 1]]
 * ```
 */
export function huWindow<T extends tf.Tensor>(images: T, window: Readonly<HuWindow>): T {
  const resolved = resolveWindow('huWindow', window);
  return onImages('huWindow', images, (x) => applyWindow(x, resolved));
}

/**
 * Applies several windows with {@link huWindow}, one channel each. Differentiable.
 *
 * @param images - HU, `[h, w, 1]`, `[n, h, w, 1]` or `[batch, n, h, w, 1]`.
 * @param windows - Names of {@link CT_WINDOWS} or windows of your own, in the order of the channels.
 * @returns Images of the same rank with a channel for each window, float32, within [0, 1].
 * @throws ArgumentError for images of another shape, no window, or an invalid window.
 * @example
 * ```ts
 * const hu = tf.zeros([32, 512, 512, 1]);
 * windowChannels(hu, ['brain', 'subdural', 'bone']); // [32, 512, 512, 3]
 * ```
 */
export function windowChannels<T extends tf.Tensor>(
  images: T,
  windows: readonly (CtWindowName | Readonly<HuWindow>)[],
): T {
  const resolved = resolveWindows('windowChannels', windows);
  checkImages('windowChannels', images);
  const expected = '[h, w, 1], [n, h, w, 1] or [batch, n, h, w, 1] in HU';
  check(images.rank >= 3 && images.shape.at(-1) === 1, 'windowChannels: images', expected, images);
  return onImages('windowChannels', images, (x) =>
    tf.concat(
      resolved.map((window) => applyWindow(x, window)),
      -1,
    ),
  );
}

/**
 * Name of a window of {@link CT_WINDOWS}.
 *
 * @inline
 */
export type CtWindowName = keyof typeof CT_WINDOWS;

const applyWindow = (x: tf.Tensor4D, { center, width }: HuWindow): tf.Tensor4D =>
  tf.clipByValue(tf.div(tf.sub(x, center - width / 2), width), 0, 1);

/** Checks a list of at least one window, and looks up names. */
export function resolveWindows(
  what: string,
  windows: readonly (CtWindowName | Readonly<HuWindow>)[],
): HuWindow[] {
  const ok = Array.isArray(windows) && windows.length > 0 && windows.length <= MOST_WINDOWS;
  check(ok, `${what}: windows`, `a list of 1 to ${MOST_WINDOWS} windows`, windows);
  return windows.map((window) => resolveWindow(what, window));
}

/** Checks a window, and looks up a name. */
export function resolveWindow(what: string, window: CtWindowName | Readonly<HuWindow>): HuWindow {
  if (typeof window === 'string') {
    checkOneOf(window, Object.keys(CT_WINDOWS) as CtWindowName[], `${what}: window`);
    return { ...CT_WINDOWS[window] };
  }
  const isRecord = typeof window === 'object' && window !== null;
  check(isRecord, `${what}: window`, `{ center, width } or a name of CT_WINDOWS`, window);
  const { center, width } = window;
  check(Number.isFinite(center), `${what}: center`, 'a number of HU', center);
  check(Number.isFinite(width) && width > 0, `${what}: width`, 'a number of HU above 0', width);
  return { center, width };
}

/** A limit for records read from a file; a few are usual. */
const MOST_WINDOWS = 16;
