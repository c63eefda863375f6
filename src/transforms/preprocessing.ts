import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../base/checks';
import { ArgumentError } from '../base/errors';
import { anything, isNumberIn, isTuple, nested, optional, or, resolveOptions, rule } from '../base/options';
import type { Rules } from '../base/options';
import { withoutUndefined } from '../base/without_undefined';
import { clahe, CLAHE_RULES, type ClaheOptions } from './clahe';
import { resolveWindows, windowChannels, type CtWindowName, type HuWindow } from './hu_window';
import { checkImages, checkValueRange, onImages, onUnitImages } from './images';
import { EDGE, neighborSlices, RADIUS, type NeighborEdge } from './neighbor_slices';
import { resize } from './resize';

/** Preprocessing of slices for a model: plain data, saved with the model. */
export interface CtPreprocessing {
  /** Version of this record. */
  version: 2;
  /**
   * Windows that turn Hounsfield units into channels of 0..1, or `false` for images that are in 0..1 already (JPEG,
   * PNG).
   */
  windows: HuWindow[] | false;
  /** Contrast equalisation of the slice at its original resolution, per channel, or `false` for none. */
  clahe: ClaheOptions | false;
  /** `[height, width]` of the model's input. */
  imageSize: [number, number];
  /** Number of slices on each side that are added as channels, see {@link neighborSlices}. */
  neighbors: number;
  /** How missing neighbours at the ends of a stack are filled. */
  edge: NeighborEdge;
}

/**
 * Argument of {@link createPreprocessing}: any part of a record, of this version or an older one, with windows also by
 * name.
 *
 * @inline
 */
export interface CtPreprocessingOptions extends Partial<Omit<CtPreprocessing, 'version' | 'windows'>> {
  /** Version of the record, if it is one. */
  version?: 1 | 2;
  /**
   * Windows, or names of `CT_WINDOWS`; `false` for images in 0..1.
   *
   * @defaultValue false
   */
  windows?: readonly (CtWindowName | Readonly<HuWindow>)[] | false;
}

/** Larger than the images of any model here; a limit for records read from a file. */
const LARGEST_SIZE = 4096;

/** Slices prepared at once, so that intermediate memory does not grow with the number of slices. */
const CHUNK = 16;

const isSide = (side: unknown) => Number.isInteger(side) && isNumberIn(side, 1, LARGEST_SIZE);

type OptionsOf1 = Pick<CtPreprocessingOptions, 'version' | 'clahe' | 'imageSize'>;

const RULES_OF_1 = {
  version: optional(anything, 2),
  clahe: optional(or(false, nested<ClaheOptions>(CLAHE_RULES)), {}),
  imageSize: optional(
    rule<[number, number]>(`[height, width], each an integer in 1..${LARGEST_SIZE}`, (value) =>
      isTuple(value, 2, isSide),
    ),
    [224, 224],
  ),
} satisfies Rules<OptionsOf1>;

const RULES = {
  ...RULES_OF_1,
  windows: optional(anything, false),
  neighbors: optional(RADIUS, 0),
  edge: EDGE,
} satisfies Rules<CtPreprocessingOptions>;

/**
 * A checked record of preprocessing, with defaults for what is missing: images in 0..1, CLAHE with clip limit 2 on an 8
 * x 8 grid, size 224 x 224, no neighbours.
 *
 * Accepts the result of `JSON.parse` of an untrusted file, and refuses unknown keys. Windows are stored as numbers, so
 * that the meaning of a record never changes. A record of version 1 is returned as an equivalent one of version 2.
 *
 * @throws ArgumentError that names the invalid key.
 * @example
 * ```ts
 * const preprocessing = createPreprocessing({ imageSize: [128, 128] });
 * const fromDicom = createPreprocessing({ windows: ['brain', 'subdural', 'bone'], neighbors: 1 }); // 9 channels
 * const loaded = createPreprocessing(JSON.parse(JSON.stringify(preprocessing)));
 * ```
 */
export function createPreprocessing(partial: CtPreprocessingOptions = {}): CtPreprocessing {
  const what = 'createPreprocessing';
  const isObject: boolean = isRecord(partial); // annotated, so that it does not narrow the type
  check(isObject, what, 'an object', partial);
  const { version = 2 } = partial;
  check(version === 1 || version === 2, `${what}: version`, '1 or 2', version);
  if (version === 1) resolveOptions(what, partial as OptionsOf1, RULES_OF_1);
  const { windows, clahe, imageSize, neighbors, edge } = resolveOptions(what, partial, RULES);
  const copied = (given: ClaheOptions) =>
    structuredClone(withoutUndefined<ClaheOptions>(resolveOptions(what, given, CLAHE_RULES)));
  return {
    version: 2,
    windows: windows === false ? false : resolveWindows(what, windows),
    clahe: clahe === false ? false : copied(clahe),
    imageSize: [...imageSize],
    neighbors,
    edge,
  };
}

/**
 * Number of channels that {@link preprocess} returns for images of one channel: the model's `inputShape[2]`.
 *
 * @example
 * ```ts
 * preprocessedChannels(createPreprocessing({ windows: ['brain', 'subdural'], neighbors: 1 })); // 6
 * ```
 */
export function preprocessedChannels(preprocessing: CtPreprocessing): number {
  const { windows, neighbors } = createPreprocessing(preprocessing);
  return (windows === false ? 1 : windows.length) * (2 * neighbors + 1);
}

/**
 * Prepares slices for a model: {@link windowChannels}, {@link clahe} at the slices' own resolution, an antialiased
 * {@link resize}, then {@link neighborSlices}, according to the record.
 *
 * Training and prediction use this same function, in Node and in the browser, so that a model never sees images
 * prepared differently.
 *
 * @param images - HU if the record has windows, otherwise values in 0..1 (or in CLAHE's `valueRange`): `[h, w]`,
 * `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`. With windows `c` must be 1; `[h, w]` is only possible if the
 * result has one channel, and neighbours need a stack.
 * @returns Images of the same rank, float32, of the record's size.
 * @throws ArgumentError for images of another shape, NaN where {@link clahe} refuses it, without windows values that
 * are in memory and outside 0..1 (int32: 0..255) or CLAHE's `valueRange`, or a record that {@link createPreprocessing}
 * refuses.
 * @example
 * ```ts
 * const images = preprocess(tf.randomUniform([32, 512, 512, 1]), createPreprocessing()); // [32, 224, 224, 1]
 * ```
 */
export function preprocess<T extends tf.Tensor>(images: T, preprocessing: CtPreprocessing): T {
  const checked = createPreprocessing(preprocessing);
  const { neighbors, edge } = checked;
  if (neighbors === 0) return prepareSlices(images, checked);
  checkImages('preprocess', images);
  check(images.rank >= 4, 'preprocess: images', 'a stack of slices, since neighbors is above 0', images);
  return tf.tidy(() => neighborSlices(prepareSlices(images, checked), { radius: neighbors, edge }));
}

/** The steps of {@link preprocess} per slice: all except the neighbours. */
export function prepareSlices<T extends tf.Tensor>(
  images: T,
  { windows, clahe: equalisation, imageSize }: CtPreprocessing,
): T {
  checkImages('preprocess', images);
  const fits = windows === false || (images.rank === 2 ? windows.length === 1 : images.shape.at(-1) === 1);
  const expected = `[…, h, w, 1] in HU for ${windows === false ? 0 : windows.length} windows`;
  check(fits, 'preprocess: images', expected, images);
  const prepare = (x: tf.Tensor4D): tf.Tensor4D => {
    const windowed = windows === false ? x : windowChannels(x, windows);
    const equalised = equalisation === false ? windowed : clahe(windowed, equalisation);
    return resize(equalised, imageSize, { antialias: true });
  };
  const range = equalisation === false ? undefined : equalisation.valueRange;
  if (windows === false && range) checkValueRange('preprocess', images, range);
  // HU and values in CLAHE's own range are not scaled
  const run = windows === false && range === undefined ? onUnitImages : onImages;
  return run('preprocess', images, (x) => {
    const [count, ...image] = x.shape;
    if (count <= CHUNK) return prepare(x);
    const chunks = Array.from({ length: Math.ceil(count / CHUNK) }, (_, i) =>
      fromSlice(i * CHUNK, () =>
        tf.tidy(() => {
          const size = Math.min(CHUNK, count - i * CHUNK);
          return prepare(tf.slice(x, [i * CHUNK, 0, 0, 0], [size, ...image]));
        }),
      ),
    );
    return tf.concat(chunks);
  });
}

/** Adds to an error the first slice of a chunk, since the error counts from there. */
function fromSlice<T>(first: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (first === 0 || !(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`preprocess: counted from slice ${first}: ${error.message}`, { cause: error });
  }
}
