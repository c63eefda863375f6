import { isNumberIn, isTuple, optional, rule, type Rules } from '../../base/options';
import { seededRandom } from '../../base/random';

/**
 * How the sequence of a patient's slices is varied in training, one draw per stack.
 *
 * @inline
 */
export interface SequenceAugmentation {
  /**
   * Probability of reversing the order of the slices.
   * @defaultValue 0
   */
  reverse?: number;
  /**
   * Share of the slices that are kept, drawn uniformly between the two; the others are left out, and their neighbours
   * become adjacent.
   * @defaultValue [1, 1]
   */
  keep?: readonly [min: number, max: number];
}

const PROBABILITY = rule<number>('a probability', (value) => isNumberIn(value, 0, 1));

const KEPT = rule<readonly [min: number, max: number]>(
  '[min, max] with 0 < min <= max <= 1',
  (value) =>
    isTuple<number>(value, 2, (part) => isNumberIn(part, 0, 1)) && 0 < value[0]! && value[0]! <= value[1]!,
);

export const SEQUENCE_RULES = {
  reverse: optional(PROBABILITY, 0),
  keep: optional(KEPT, [1, 1]),
} satisfies Rules<SequenceAugmentation>;

/**
 * Which slices of a stack a training step sees, and in which order; depends only on the seed.
 *
 * @param slices - Number of slices of the stack; at least one is kept.
 */
export function drawSliceOrder(
  slices: number,
  { reverse = 0, keep: [min, max] = [1, 1] }: SequenceAugmentation,
  seed: number,
): number[] {
  const random = seededRandom(seed);
  const turned = random() < reverse;
  const kept = Math.max(1, Math.round(slices * (min + (max - min) * random())));
  const order: number[] = [];
  // all slices are equally likely to be kept, and stay in order
  for (let index = 0; index < slices; index++) {
    if (random() * (slices - index) < kept - order.length) order.push(index);
  }
  return turned ? order.reverse() : order;
}
