import * as tf from '@tensorflow/tfjs';
import {
  CT_LABELS,
  disposeStack,
  type CtLabel,
  type CtLabels,
  type PatientSource,
  type PredictedSlice,
} from 'ct-multilabel';

/** Shows a patient's slices, with the probability of every label under each. */
export async function showPatient(
  place: HTMLElement,
  source: PatientSource,
  predictions: readonly PredictedSlice<CtLabels>[],
): Promise<void> {
  const stack = await source.load(predictions[0]!.patient);
  const figures: HTMLElement[] = [];
  try {
    for (const [i, prediction] of predictions.entries()) {
      const truth = source.sliceLabels(stack.patient)?.[i];
      figures.push(await figureOf(stack.images, i, prediction, truth));
    }
  } finally {
    disposeStack(stack);
  }
  place.replaceChildren(...figures);
}

async function figureOf(
  images: tf.Tensor4D,
  slice: number,
  { labels }: PredictedSlice<CtLabels>,
  truth: readonly number[] | undefined,
): Promise<HTMLElement> {
  const canvas = document.createElement('canvas');
  const image = tf.tidy(() =>
    tf.squeeze<tf.Tensor3D>(tf.slice(images, [slice, 0, 0, 0], [1, -1, -1, 1]), [0]),
  );
  await tf.browser.toPixels(image, canvas);
  image.dispose();
  const figure = document.createElement('figure');
  figure.append(canvas, ...CT_LABELS.map((label, i) => barOf(label, labels[label], truth?.[i] === 1)));
  return figure;
}

/** A bar as long as the probability, with class `there` if the slice has the label. */
function barOf(
  label: CtLabel,
  { probability, present }: { probability: number; present: boolean },
  there: boolean,
) {
  const bar = document.createElement('div');
  bar.className = there ? 'bar there' : 'bar';
  bar.title = `${label}: ${probability.toFixed(2)}, ${present ? 'found' : 'not found'}, ${there ? 'there' : 'not there'}`;
  const filled = document.createElement('i');
  filled.style.width = `${100 * probability}%`;
  bar.append(filled, label);
  return bar;
}
