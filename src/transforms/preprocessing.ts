import type * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../errors';
import { clahe, resolveValueRange, type ClaheOptions } from './clahe';
import { resolveClaheOptions } from './clahe_plan';
import { onImages } from './images';
import { resize } from './resize';

/** What happens to a slice before the model sees it: plain data, saved with the model. */
export interface CtPreprocessing {
  /** Version of this record. */
  version: 1;
  /** `[height, width]` that the model takes. */
  imageSize: [number, number];
  /** Contrast equalisation of the slice at its own resolution, or `false` for none. */
  clahe: ClaheOptions | false;
}

/** Larger images than any model here takes; a bound for records read from a file. */
const LARGEST_SIZE = 4096;

/**
 * A checked record of preprocessing, with defaults for what is missing: size 224 x 224, CLAHE with clip limit 2 on an
 * 8 x 8 grid.
 *
 * Takes what `JSON.parse` gives for an untrusted file, and refuses keys it does not know.
 *
 * @throws {@link ArgumentError} that names the key at fault.
 * @example
 * ```ts
 * const preprocessing = createPreprocessing({ imageSize: [128, 128] });
 * const loaded = createPreprocessing(JSON.parse(JSON.stringify(preprocessing)));
 * ```
 */
export function createPreprocessing(partial: Partial<CtPreprocessing> = {}): CtPreprocessing {
  checkRecord('createPreprocessing', partial, ['version', 'imageSize', 'clahe']);
  const { version = 1, imageSize = [224, 224], clahe: equalisation = {} } = partial;
  check(version === 1, 'createPreprocessing: version', '1', version);
  check(
    Array.isArray(imageSize) &&
      imageSize.length === 2 &&
      imageSize.every((side) => isPositiveInteger(side) && side <= LARGEST_SIZE),
    'createPreprocessing: imageSize',
    `[height, width], each an integer in 1..${LARGEST_SIZE}`,
    imageSize,
  );
  return {
    version,
    imageSize: [imageSize[0], imageSize[1]],
    clahe: equalisation === false ? false : createClaheOptions(equalisation),
  };
}

/**
 * Prepares slices for a model: {@link clahe} at the slices' own resolution, then an antialiased {@link resize}.
 *
 * Training and prediction call this one function, so that a model never meets images prepared in another way.
 *
 * @param images - Values in 0..1 (or in CLAHE's `valueRange`), `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or
 * `[batch, n, h, w, c]`.
 * @returns Images of the same rank, float32, of the record's size.
 * @throws {@link ArgumentError} for images of another shape, NaN where {@link clahe} refuses it, or a record that {@link createPreprocessing} refuses.
 * @example
 * ```ts
 * const images = preprocess(tf.randomUniform([32, 512, 512, 1]), createPreprocessing()); // [32, 224, 224, 1]
 * ```
 */
export function preprocess<T extends tf.Tensor>(images: T, preprocessing: CtPreprocessing): T {
  const { imageSize, clahe: equalisation } = createPreprocessing(preprocessing);
  return onImages('preprocess', images, (x) =>
    resize(equalisation === false ? x : clahe(x, equalisation), imageSize, { antialias: true }),
  );
}

function createClaheOptions(options: ClaheOptions): ClaheOptions {
  const what = 'createPreprocessing: clahe';
  checkRecord(what, options, ['clipLimit', 'tileGridSize', 'valueRange']);
  return {
    ...resolveClaheOptions(what, options),
    ...(options.valueRange === undefined ? {} : { valueRange: resolveValueRange(what, options.valueRange) }),
  };
}

/** Refuses what is not a plain object, and keys that are not in `known`. */
function checkRecord(what: string, record: object, known: string[]): void {
  check(typeof record === 'object' && record !== null && !Array.isArray(record), what, 'an object', record);
  for (const key of Object.keys(record))
    check(known.includes(key), what, `only the keys ${known.join(', ')}`, key);
}
