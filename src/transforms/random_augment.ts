import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import {
  finiteNumber,
  integer,
  isNumberIn,
  isTuple,
  numberAbove0,
  optional,
  resolveOptions,
  rule,
  share,
  type Rules,
} from '../base/options';
import { deriveSeed, seededRandom } from '../base/random';
import type { AugmentationDraw } from '../base/types';
import { affineMatrix } from './affine';
import { colorJitter, FACTOR } from './color_jitter';
import { flip } from './flip';
import { checkImages, onUnitImages, SIZE } from './images';
import { resize } from './resize';
import { warp } from './warp';

/**
 * Ranges that {@link drawAugmentation} draws from; the defaults are the published recipe's.
 *
 * @inline
 */
export interface AugmentationRanges {
  /**
   * Probability of swapping left and right.
   *
   * @defaultValue 0.5
   */
  horizontalFlip?: number;
  /**
   * Probability of swapping top and bottom.
   *
   * @defaultValue 0.5
   */
  verticalFlip?: number;
  /**
   * Largest rotation in degrees, 0 to 180, in either direction.
   *
   * @defaultValue 180
   */
  rotation?: number;
  /**
   * Smallest and largest scale factor.
   *
   * @defaultValue [0.8, 1.4]
   */
  scale?: readonly [number, number];
  /**
   * Largest change of the brightness factor from 1, 0 to 1.
   *
   * @defaultValue 0.2
   */
  brightness?: number;
  /**
   * Largest change of the contrast factor from 1, 0 to 1.
   *
   * @defaultValue 0.2
   */
  contrast?: number;
  /**
   * Value of pixels uncovered by rotating or shrinking.
   *
   * @defaultValue 0
   */
  fill?: number;
}

/**
 * Options of {@link applyAugmentation}.
 *
 * @inline
 */
export interface ApplyAugmentationOptions {
  /**
   * `[height, width]` of the result. If that is larger than the images, the same warp also enlarges them; if it is
   * smaller, an antialiased {@link resize} comes first.
   *
   * @defaultValue size of the images
   */
  size?: readonly [number, number];
}

/**
 * Options of {@link randomAugment}.
 *
 * @inline
 */
export interface RandomAugmentOptions extends AugmentationRanges, ApplyAugmentationOptions {
  /** Seed of the draws, an integer: equal seeds give equal pixels. */
  seed: number;
}

const DEGREES = rule<number>('degrees in [0, 180]', (value) => isNumberIn(value, 0, 180));

/** Rules of {@link AugmentationRanges}. */
export const RANGES = {
  horizontalFlip: optional(share, 0.5),
  verticalFlip: optional(share, 0.5),
  rotation: optional(DEGREES, 180),
  scale: optional(
    rule<readonly [number, number]>(
      '[smallest, largest], both above 0',
      (value) => isTuple<number>(value, 2, Number.isFinite) && value[0]! > 0 && value[0]! <= value[1]!,
    ),
    [0.8, 1.4],
  ),
  brightness: optional(share, 0.2),
  contrast: optional(share, 0.2),
  fill: optional(share, 0),
} satisfies Rules<AugmentationRanges>;

const APPLIED = { size: optional(SIZE) } satisfies Rules<ApplyAugmentationOptions>;

const RULES = { seed: integer, ...APPLIED, ...RANGES } satisfies Rules<RandomAugmentOptions>;

/**
 * An augmentation that draws once per patient stack: all slices of a patient are rotated, scaled and changed in
 * brightness in the same way.
 *
 * Each call makes a new draw from the seed's sequence, for `[batch, n, h, w, c]` one per patient of the batch (as if
 * they had been passed one by one). For training that must be resumable, or works in any order, use {@link
 * drawAugmentation} and {@link applyAugmentation} with a separate seed per epoch and patient instead.
 *
 * @returns `(images) => images`, for images in 0..1 of any of the four shapes.
 * @throws ArgumentError for a range out of bounds or a seed that is not an integer.
 * @example
 * ```ts
 * const augment = randomAugment({ seed: 7, rotation: 15 });
 * const augmented = augment(tf.zeros([32, 224, 224, 1]));
 * ```
 */
export function randomAugment(options: RandomAugmentOptions): <T extends tf.Tensor>(images: T) => T {
  const { seed, size, ...ranges } = resolveOptions('randomAugment', options, RULES);
  let calls = 0;
  const augmentStack = <T extends tf.Tensor>(stack: T): T =>
    applyAugmentation(stack, drawAugmentation(ranges, deriveSeed(seed, calls++)), { size });

  return (images) => {
    checkImages('randomAugment', images);
    if (images.rank < 5) return augmentStack(images);
    return tf.tidy(() => tf.stack(tf.unstack(images).map(augmentStack))) as typeof images;
  };
}

/**
 * Draws the augmentation of one patient stack; the same ranges and seed give the same draw.
 *
 * Angle, scale and both factors are uniform in their ranges. Every draw takes the same six numbers from the generator,
 * so changing one range does not affect the others.
 *
 * @param seed - An integer; `deriveSeed(seed, epoch, patient)` makes one for each patient of each epoch.
 * @throws ArgumentError for a range out of bounds or a seed that is not an integer.
 * @example
 * ```ts
 * const draw = drawAugmentation({ rotation: 15 }, 7);
 * ```
 */
export function drawAugmentation(ranges: AugmentationRanges, seed: number): AugmentationDraw {
  const { horizontalFlip, verticalFlip, rotation, scale, brightness, contrast, fill } = resolveOptions(
    'drawAugmentation',
    ranges,
    RANGES,
  );
  integer.check(seed, 'drawAugmentation: seed');
  const random = seededRandom(seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  return {
    horizontalFlip: random() < horizontalFlip,
    verticalFlip: random() < verticalFlip,
    angle: between(-rotation, rotation),
    scale: between(scale[0], scale[1]),
    brightness: between(1 - brightness, 1 + brightness),
    contrast: between(1 - contrast, 1 + contrast),
    fill,
  };
}

/**
 * Applies one draw to all images: flips, rotation and scaling in one warp, together with {@link colorJitter}.
 *
 * The pixels are those of `flip`, `affine` and `colorJitter` one after another. With a larger `size` the warp also
 * enlarges, interpolating once instead of twice, so the result is less blurred than with separate steps.
 *
 * @param images - Values in 0..1, `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images of the same rank, float32, within [0, 1].
 * @throws ArgumentError for images of another shape, a draw with a value out of range, a size that is not two positive
 * integers, and on `cpu` and `wasm` for values outside 0..1; int32 counts as 0..255.
 * @example
 * ```ts
 * const stack = tf.zeros([32, 224, 224, 1]);
 * const augmented = applyAugmentation(stack, drawAugmentation({}, 7));
 * ```
 */
export function applyAugmentation<T extends tf.Tensor>(
  images: T,
  draw: AugmentationDraw,
  options: ApplyAugmentationOptions = {},
): T {
  const { size } = resolveOptions('applyAugmentation', options, APPLIED);
  const isDraw = typeof draw?.horizontalFlip === 'boolean' && typeof draw.verticalFlip === 'boolean';
  check(isDraw, 'applyAugmentation: draw', 'a result of drawAugmentation', draw);
  checkDraw(draw);
  return onUnitImages('applyAugmentation', images, (x) => {
    const [, height, width] = x.shape;
    const [newHeight, newWidth] = size ?? [height, width];
    const shrunk = resize(x, [Math.min(height, newHeight), Math.min(width, newWidth)]);
    return moveAndLight(shrunk, draw, [newHeight, newWidth]);
  });
}

function moveAndLight(x: tf.Tensor4D, draw: AugmentationDraw, size: readonly [number, number]): tf.Tensor4D {
  const { horizontalFlip, verticalFlip, angle, scale, brightness, contrast, fill } = draw;
  const [, height, width] = x.shape;
  const [newHeight, newWidth] = size;
  if (angle === 0 && scale === 1 && height === newHeight && width === newWidth) {
    // without a warp, which interpolates between four pixels, the result is exact and has gradients
    let flipped = x;
    if (horizontalFlip) flipped = flip(flipped, 'horizontal');
    if (verticalFlip) flipped = flip(flipped, 'vertical');
    return colorJitter(flipped, { brightness, contrast });
  }
  let [a, b, c, d, e, f] = affineMatrix(newHeight, newWidth, { angle, scale, translate: [0, 0] }) as Six;
  // a flipped image is read in reverse
  if (horizontalFlip) [a, b, c] = [-a, -b, newWidth - 1 - c];
  if (verticalFlip) [d, e, f] = [-d, -e, newHeight - 1 - f];
  const jitter = { brightness, contrast };
  return warp(x, { size, matrix: [a, b, c, d, e, f], fill, nearest: false, jitter });
}

type Six = [number, number, number, number, number, number];

const DRAW = {
  angle: finiteNumber,
  scale: numberAbove0,
  ...{ brightness: FACTOR, contrast: FACTOR, fill: finiteNumber },
};

function checkDraw(draw: AugmentationDraw): void {
  for (const [name, { check }] of Object.entries(DRAW))
    check(draw[name as keyof typeof DRAW], `applyAugmentation: draw.${name}`);
}
