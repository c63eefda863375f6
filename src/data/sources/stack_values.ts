import { DataError, NonFiniteError } from '../../base/errors';
import { firstOutside, hostValues } from '../../kernels/host_values';
import type { PatientSource, PatientStack } from './source_types';
import { checkLabelValues } from './slice_labels';

/** Tolerance for pixels that rounding has moved out of 0..1. */
const SLACK = 1e-3;

/**
 * Checks a stack from a source if it is in memory, as it is until a device uses it: a single NaN ruins a training, and a
 * GPU may treat it as 0. Features, images of one pixel, may have any finite value.
 *
 * @throws NonFiniteError for a pixel that is not finite, DataError for one outside 0..1 or a label other than 0, 1 and
 * -1, with patient and slice; the stack is then disposed.
 */
export function checkedStack(source: PatientSource, stack: PatientStack): PatientStack {
  try {
    checkPixels(stack);
    checkLabels(source, stack);
    return stack;
  } catch (error) {
    stack.images.dispose();
    stack.labels?.dispose();
    throw error;
  }
}

function checkPixels({ patient, slices, images }: PatientStack): void {
  const pixels = hostValues(images);
  if (pixels === undefined) return;
  const [count, height, width, channels] = images.shape;
  if (count !== slices.length) {
    throw new DataError(`expected images of ${slices.length} slices, found ${count}`, { patient });
  }
  const isFeature = height * width === 1;
  const place = isFeature ? firstOutside(pixels) : firstOutside(pixels, -SLACK, 1 + SLACK);
  if (place === -1) return;
  const value = pixels[place]!;
  const pixel = Math.floor(place / channels);
  const [row, column] = [Math.floor(pixel / width) % height, pixel % width];
  const where = { patient, slice: slices[Math.floor(pixel / (height * width))]! };
  const at = `at row ${row}, column ${column}`;
  if (!Number.isFinite(value)) throw new NonFiniteError(`the image has the value ${value} ${at}`, where);
  throw new DataError(`expected an image of values in 0..1, found ${value} ${at}`, where);
}

function checkLabels(source: PatientSource, { patient, slices, labels }: PatientStack): void {
  if (labels === undefined) return;
  const count = source.labels.length;
  if (labels.shape.join() !== `${slices.length},${count}`) {
    throw new DataError(
      `expected labels [${slices.length} slices, ${count} labels], found a tensor [${labels.shape.join(', ')}]`,
      { patient },
    );
  }
  const values = hostValues(labels);
  if (values === undefined) return;
  slices.forEach((slice, i) => {
    checkLabelValues(source, [...values.subarray(i * count, (i + 1) * count)], { patient, slice });
  });
}
