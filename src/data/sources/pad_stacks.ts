import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { finiteNumber, optional, resolveOptions, type Rules } from '../../base/options';
import { IGNORED_LABEL } from '../../base/types';
import type { PatientStack } from './source_types';

/**
 * Options of {@link padStacks}.
 *
 * @inline
 */
export interface PadStacksOptions {
  /**
   * Value of every pixel of a padded slice, the model's `maskValue`: one that no image contains.
   * @defaultValue -1
   */
  padValue?: number;
}

const RULES = { padValue: optional(finiteNumber, -1) } satisfies Rules<PadStacksOptions>;

/**
 * A batch of stacks of equal length. The caller disposes its tensors.
 *
 * @inline
 */
export interface PaddedStacks {
  /** `[batch, slices, height, width, channels]`, `padValue` after the end of a stack. */
  images: tf.Tensor5D;
  /** `[batch, slices]`: 1 for a slice, 0 for padding. */
  mask: tf.Tensor2D;
  /**
   * `[batch, slices, labels]`, -1 ("not labelled") after the end of a stack; missing if the stacks have no labels.
   */
  labels?: tf.Tensor3D;
}

/**
 * Combines several patients into one batch; shorter stacks are padded at the end to the length of the longest.
 *
 * A model built with `maskValue: -1` masks the padded slices, so that its sequence layers ignore them; their labels of -1
 * exclude them from the loss, also in `model.fit`.
 *
 * @param stacks - Images of equal size, all with labels or none; they are not disposed.
 * @throws ArgumentError for no stacks, or stacks of which size, number of labels, or presence of labels differ.
 * @example
 * ```ts
 * const [first, second] = [await study.load('ID_001'), await study.load('ID_002')]; // of 30 and 36 slices
 * const { images, mask, labels } = padStacks([first, second]);
 * console.log(images.shape, mask.shape, labels?.shape); // [2, 36, 64, 64, 1] [2, 36] [2, 36, 5]
 * ```
 */
export function padStacks(
  stacks: readonly Pick<PatientStack, 'images' | 'labels'>[],
  options: PadStacksOptions = {},
): PaddedStacks {
  const { padValue } = resolveOptions('padStacks', options, RULES);
  check(Array.isArray(stacks) && stacks.length > 0, 'padStacks: stacks', 'at least one stack', stacks);
  stacks.forEach((stack, i) => checkStack(stack, i, stacks[0]!));
  const slices = Math.max(...stacks.map(({ images }) => images.shape[0]));
  const missing = ({ shape }: tf.Tensor) => slices - shape[0]!;
  return tf.tidy(() => {
    const images = stacks.map(({ images: own }) =>
      tf.pad(own, [[0, missing(own)], [0, 0], [0, 0], [0, 0]], padValue),
    ); // prettier-ignore
    const mask = stacks.map(({ images: own }) => tf.pad(tf.ones([own.shape[0]]), [[0, missing(own)]]));
    const labels = stacks.flatMap(({ labels: own }) =>
      own ? [tf.pad(own, [[0, missing(own)], [0, 0]], IGNORED_LABEL)] : [],
    ); // prettier-ignore
    return {
      images: tf.stack(images) as tf.Tensor5D,
      mask: tf.stack(mask) as tf.Tensor2D,
      ...(labels.length > 0 && { labels: tf.stack(labels) as tf.Tensor3D }),
    };
  });
}

type Stack = Pick<PatientStack, 'images' | 'labels'>;

function checkStack({ images, labels }: Stack, i: number, first: Stack): void {
  const what = `padStacks: stacks[${i}]`;
  check(
    images instanceof tf.Tensor && images.rank === 4,
    `${what}: images`,
    '[slices, height, width, channels]',
    images,
  );
  const size = first.images.shape.slice(1);
  const isOfSize = tf.util.arraysEqual(images.shape.slice(1), size);
  check(isOfSize, `${what}: images`, `[slices, ${size.join(', ')}], as of stacks[0]`, images);
  if (!first.labels) {
    check(labels === undefined, `${what}: labels`, 'none, as of stacks[0]', labels);
    return;
  }
  const expected = [images.shape[0], first.labels.shape[1]];
  const fits = labels instanceof tf.Tensor && tf.util.arraysEqual(labels.shape, expected);
  check(fits, `${what}: labels`, `[${expected.join(', ')}]: its slices, and labels as of stacks[0]`, labels);
}
