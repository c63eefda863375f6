import { check, isPositiveInteger } from '../base/checks';
import { anything, isTuple, numberFrom0, optional, resolveOptions, rule, type Rules } from '../base/options';

/**
 * Options of {@link pointingGame}.
 *
 * @inline
 */
export interface PointingGameOptions {
  /** `[slices, height, width]` of maps and masks. */
  shape: readonly [slices: number, height: number, width: number];
  /**
   * Distance in pixels from a lesion that still counts as inside; maps are coarser than images.
   * @defaultValue 0
   */
  tolerance?: number;
  /**
   * Nonzero where a random point may lie, e.g. in the head; as long as the masks. Hits are counted everywhere.
   * @defaultValue the whole image
   */
  within?: ArrayLike<number>;
}

const RULES = {
  shape: rule<PointingGameOptions['shape']>('[slices, height, width], positive integers', (shape) =>
    isTuple(shape, 3, isPositiveInteger),
  ),
  tolerance: optional(numberFrom0, 0),
  within: optional(anything),
} satisfies Rules<PointingGameOptions>;

/**
 * Counts over slices; those of several patients can be added.
 *
 * @inline
 */
export interface PointingGameResult {
  /** Slices whose hottest point lies inside a lesion. */
  hits: number;
  /** Slices with a lesion. */
  total: number;
  /** Expected hits of uniformly drawn points: the sum of the lesions' shares of each slice's area. */
  chanceHits: number;
}

/**
 * Counts how often the hottest point of a slice's map lies inside a lesion, and how often a random point would.
 *
 * Only slices with a lesion count. A map without a value above zero counts as a miss; among equally hot points the
 * first in reading order is used.
 *
 * @param maps - Values slice by slice, row by row, as from `gradCam`.
 * @param masks - As long as `maps`; nonzero inside lesions.
 * @throws ArgumentError for arrays of another length or an option out of range.
 * @example
 * ```ts
 * const { hu, masks, slices, size } = makePhantomPatient({ seed: 1, slices: 12, size: 96 });
 * const maps = gradCam(model, huWindow(tf.tensor4d(hu, [slices, size, size, 1]), CT_WINDOWS.brain), { label: 0 });
 * const ofFirst = masks.map((bits) => bits & 1); // those of label 0
 * const { hits, total, chanceHits } = pointingGame(await maps.data(), ofFirst, { shape: maps.shape, tolerance: 2 });
 * console.log(`${hits / total} against ${chanceHits / total} by chance`);
 * ```
 * @see Zhang et al., "Top-Down Neural Attention by Excitation Backprop", ECCV 2016.
 */
export function pointingGame(
  maps: ArrayLike<number>,
  masks: ArrayLike<number>,
  options: PointingGameOptions,
): PointingGameResult {
  const fn = 'pointingGame';
  const { shape, tolerance, within } = resolveOptions(fn, options, RULES);
  const [slices, height, width] = shape;
  const area = height * width;
  for (const [name, values] of Object.entries({ maps, masks, within: within ?? maps })) {
    const rule = `${slices * area} values, as shape says`;
    check(values.length === slices * area, `${fn}: ${name}`, rule, values.length);
  }

  const result = { hits: 0, total: 0, chanceHits: 0 };
  for (let slice = 0; slice < slices; slice++) {
    const start = slice * area;
    const near = nearLesion(masks, start, [height, width], tolerance);
    if (near === undefined) continue;
    result.total += 1;
    const hottest = hottestPoint(maps, start, area);
    if (hottest !== undefined && near[hottest] === 1) result.hits += 1;
    result.chanceHits += shareOf(near, (pixel) => within === undefined || within[start + pixel] !== 0);
  }
  return result;
}

/** 1 for the pixels of a slice at most `tolerance` from a lesion; nothing for a slice without one. */
function nearLesion(
  masks: ArrayLike<number>,
  start: number,
  [height, width]: readonly [number, number],
  tolerance: number,
): Uint8Array | undefined {
  const near = new Uint8Array(height * width);
  const reach = Math.floor(tolerance);
  let found = false;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (masks[start + y * width + x] === 0) continue;
      found = true;
      for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
        const half = Math.floor(Math.sqrt(tolerance ** 2 - (v - y) ** 2));
        near.fill(1, v * width + Math.max(0, x - half), v * width + Math.min(width - 1, x + half) + 1);
      }
    }
  }
  return found ? near : undefined;
}

/** Place of the largest value above zero among a slice's. */
function hottestPoint(maps: ArrayLike<number>, start: number, area: number): number | undefined {
  let hottest: number | undefined;
  let largest = 0;
  for (let pixel = 0; pixel < area; pixel++) {
    if (maps[start + pixel]! <= largest) continue;
    largest = maps[start + pixel]!;
    hottest = pixel;
  }
  return hottest;
}

/** Share of the pixels inside `within` that are 1; 0 if `within` is empty. */
function shareOf(near: Uint8Array, isWithin: (pixel: number) => boolean): number {
  let [inside, all] = [0, 0];
  near.forEach((value, pixel) => {
    if (!isWithin(pixel)) return;
    all += 1;
    inside += value;
  });
  return all === 0 ? 0 : inside / all;
}
