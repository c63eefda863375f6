import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { ArgumentError, NonFiniteError } from '../base/errors';
import { IGNORED_LABEL } from '../base/types';
import { firstOutside, hostValues } from '../kernels/host_values';
import { ImageNetNormalization } from '../layers/input_layers';
import { modelParts } from './model_parts';
import { outputLevel } from './output_level';

/** Tolerance for pixels that rounding has moved out of 0..1. */
const SLACK = 1e-3;

/**
 * Checks images before they go into a model: their size and, if they are in memory, their values, which must be finite,
 * and in 0..1 for a model that normalises such images itself. If they are already on a device, checking values would
 * mean waiting for it.
 *
 * @param fromFeatures - Whether they are features, which have no image size.
 * @throws ArgumentError for another size or range; NonFiniteError for a value that is not finite, naming its slice.
 */
export function checkStepImages(
  what: string,
  model: tf.LayersModel,
  images: tf.Tensor,
  fromFeatures = false,
): void {
  const form = '[batch, slices, h, w, c] with slices';
  check(images.rank === 5 && images.size > 0, `${what}: images`, form, images);
  const size = model.inputs[0]!.shape.slice(2);
  const fits = fromFeatures || size.every((n, axis) => n === null || n === images.shape[axis + 2]);
  check(fits, `${what}: images`, `[batch, slices, ${size.join(', ')}], as the model expects`, images);
  const values = hostValues(images);
  if (values === undefined) return;
  const place = firstOutside(values);
  if (place !== -1) {
    throw new NonFiniteError(
      `${what}: images: the value ${values[place]} ${placeOf(place, images.shape)} is not finite`,
    );
  }
  if (fromFeatures) return;
  const { backbone, perSlice } = modelParts(model);
  const inner = 'layers' in backbone ? (backbone as tf.LayersModel).layers : [];
  if (perSlice.maskValue !== undefined || !inner.some((layer) => layer instanceof ImageNetNormalization))
    return;
  const outside = firstOutside(values, -SLACK, 1 + SLACK);
  if (outside === -1) return;
  throw new ArgumentError(
    `${what}: images: expected values in 0..1, which the model normalises, received ${values[outside]} ${placeOf(outside, images.shape)}`,
  );
}

/**
 * Checks labels before they go into a loss or a score: their shape and, if they are in memory, that each is 0, 1 or -1.
 *
 * @throws ArgumentError naming the slice (or patient) and the label.
 */
export function checkStepLabels(
  what: string,
  model: tf.LayersModel,
  images: tf.Tensor,
  labels: tf.Tensor,
): void {
  const ofPatients = outputLevel(model) === 'patients';
  const count = model.outputs[0]!.shape.at(-1);
  const wanted = [...images.shape.slice(0, ofPatients ? 1 : 2), count ?? labels.shape.at(-1)!];
  const form = ofPatients ? '[batch, labels]' : '[batch, slices, labels]';
  const fits = labels.shape.join() === wanted.join();
  check(fits, `${what}: labels`, `${form} = [${wanted.join(', ')}]`, labels);
  const values = hostValues(labels);
  const place = values?.findIndex((value) => value !== 0 && value !== 1 && value !== IGNORED_LABEL) ?? -1;
  if (place === -1) return;
  throw new ArgumentError(
    `${what}: labels: expected 0, 1 or ${IGNORED_LABEL}, received ${values![place]} at [${indicesOf(place, wanted).join(', ')}] of ${form}`,
  );
}

/** Location of a value of `[batch, slices, h, w, c]`. */
function placeOf(place: number, shape: readonly number[]): string {
  const [stack, slice, row, column, channel] = indicesOf(place, shape);
  const ofStack = shape[0] === 1 ? '' : `, stack ${stack! + 1} of ${shape[0]}`;
  return `at row ${row}, column ${column}, channel ${channel} of slice ${slice! + 1} of ${shape[1]}${ofStack}`;
}

/** The indices of a value of a tensor, first axis first. */
function indicesOf(place: number, shape: readonly number[]): number[] {
  return shape.reduceRight<number[]>((indices, size) => {
    indices.unshift(place % size);
    place = Math.floor(place / size);
    return indices;
  }, []);
}
