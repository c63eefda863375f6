import * as tf from '@tensorflow/tfjs';
import { disposeStack, integratedGradients, patientLabels, type PatientSource } from '../index';
import { writeHeatMaps } from '../node';
import type { HeatMapStack } from '../node/pictures/heat_map';

/**
 * Draws where the model looked for each label of the patient with the most labels; for a patient without a finding, as a
 * demo of few patients may have, for the first label.
 *
 * @returns The patient's name.
 */
export async function drawWhereItLooked(
  file: string,
  model: tf.LayersModel,
  source: PatientSource,
): Promise<string> {
  const count = (patient: string) => patientLabels(source, patient).reduce((sum, label) => sum + label, 0);
  const patient = [...source.patients].sort((a, b) => count(b) - count(a))[0]!;
  const stack = await source.load(patient);
  const truth = source.sliceLabels(patient)!;
  const drawn: HeatMapStack[] = [];
  const present = patientLabels(source, patient);
  for (const [l, label] of source.labels.entries()) {
    if (present[l] !== 1 && (l > 0 || present.includes(1))) continue;
    drawn.push({
      title: `${patient}: where the model looked for ${label} (slice, true label)`,
      images: stack.images,
      maps: await integratedGradients(model, stack.images, { label: l }),
      captions: stack.slices.map((_, i) => `${i + 1}${truth[i]![l] === 1 ? ` ${label}` : ''}`),
    });
  }
  const legend = 'integrated-gradients, 1: hottest point for the label';
  await writeHeatMaps(file, drawn, { zoom: 2, legend });
  tf.dispose(drawn.map(({ maps }) => maps));
  disposeStack(stack);
  return patient;
}
