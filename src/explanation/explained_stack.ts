import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { freeingTape } from '../base/gradient_tape';
import { outputLevel } from '../models/output_level';
import { runHead } from '../models/run_parts';
import type { ModelParts } from '../models/model_parts';

/** Checks one patient's images `[slices, h, w, c]` and a label's index against a model. */
export function checkExplained(
  what: string,
  model: tf.LayersModel,
  images: tf.Tensor,
  label: number,
): asserts images is tf.Tensor4D {
  const size = model.inputs[0]!.shape.slice(2);
  const fits = images instanceof tf.Tensor && images.rank === 4 && images.size > 0;
  const expected = `one patient's slices [slices, ${size.join(', ')}]`;
  check(
    fits && size.every((n, i) => n === null || n === images.shape[i + 1]),
    `${what}: images`,
    expected,
    images,
  );
  const labels = model.outputs[0]!.shape.at(-1)!;
  const known = Number.isInteger(label) && label >= 0 && label < labels;
  check(known, `${what}: label`, `the index of a label, 0 to ${labels - 1}`, label);
}

/** Which slices of `[slices, h, w, c]` are real, as booleans `[slices]`; undefined for a model without masking. */
export function realSlices({ perSlice }: ModelParts, images: tf.Tensor4D): tf.Tensor1D | undefined {
  const mask = perSlice.computeMask(tf.expandDims(images)) as tf.Tensor2D | undefined;
  return mask && tf.squeeze(mask, [0]);
}

/**
 * One label's logits of copies of a patient: `[copies, slices]`, or `[copies]` for a patient-level model.
 *
 * @param features - `[copies, slices, f]`.
 * @param real - Result of {@link realSlices}.
 */
export function labelLogits(
  model: tf.LayersModel,
  parts: ModelParts,
  features: tf.Tensor3D,
  options: { label: number; real: tf.Tensor1D | undefined },
): tf.Tensor {
  const { label, real } = options;
  const mask = real && tf.tile(tf.expandDims(real), [features.shape[0], 1]);
  const logits = runHead(model, parts, features, { training: false, mask });
  const leading = logits.shape.slice(0, -1);
  const one = tf.slice(logits, [...leading.map(() => 0), label], [...leading, 1]);
  return tf.reshape(one, leading);
}

/**
 * Gradient of the explained value with respect to the features `[slices, f]`: of the sum of a label's logits over all
 * slices, of the logit of the given slice, or of the patient's logit.
 */
export function headCotangents(
  model: tf.LayersModel,
  parts: ModelParts,
  features: tf.Tensor2D,
  options: { label: number; slice: number | undefined; real: tf.Tensor1D | undefined },
): tf.Tensor2D {
  const { label, slice, real } = options;
  const explained = (x: tf.Tensor) => {
    const logits = labelLogits(model, parts, tf.expandDims(x) as tf.Tensor3D, { label, real });
    if (outputLevel(model) === 'patients') return tf.sum(logits);
    return tf.sum(tf.mul(logits, counted(real, slice, features.shape[0])));
  };
  return freeingTape(() => tf.grad(explained)(features)) as tf.Tensor2D;
}

/** Divides by the largest value, if it is above zero. */
export function scaledToOne(maps: tf.Tensor3D): tf.Tensor3D {
  const largest = tf.max(maps);
  return tf.div(maps, tf.where(tf.greater(largest, 0), largest, tf.onesLike(largest)));
}

/** 1 for each of the logits `[1, slices]` that is explained: of real slices, and only of `slice` if that is given. */
function counted(real: tf.Tensor1D | undefined, slice: number | undefined, slices: number): tf.Tensor {
  const asked = tf.tensor1d(Array.from({ length: slices }, (_, s) => (s === (slice ?? s) ? 1 : 0)));
  return real ? tf.mul(asked, tf.cast(real, 'float32')) : asked;
}

/** Checks the index of a slice, if given: only a slice-level model has decisions on slices. */
export function checkSlice(what: string, model: tf.LayersModel, slices: number, slice: unknown): void {
  if (slice === undefined) return;
  const ofSlices = outputLevel(model) === 'slices';
  check(ofSlices, `${what}: slice`, 'none, for a model whose output is per patient', slice);
  const known = Number.isInteger(slice) && (slice as number) >= 0 && (slice as number) < slices;
  check(known, `${what}: slice`, `the index of a slice, 0 to ${slices - 1}`, slice);
}
