import type * as tf from '@tensorflow/tfjs';
import {
  evaluatePatients,
  outputLevel,
  predictPatientLevel,
  predictPatients,
  trivialPredictors,
  type PatientPrediction,
  type PatientSource,
  type SlicePrediction,
} from 'ct-multilabel';
import { writePatientProbabilities, writeProbabilities } from 'ct-multilabel/node';
import { textTable } from './cli';

/** Prints F2, pooled and per label, beside two predictors that never look at an image. */
export async function reportF2(options: {
  name: string;
  model: tf.LayersModel;
  train: PatientSource;
  test: PatientSource;
  seed: number;
}): Promise<void> {
  const { name, model, train, test, seed } = options;
  const { f2, f2PerLabel, level } = await evaluatePatients(model, test);
  const scores = [{ name, f2, f2PerLabel }, ...trivialPredictors(train, test, seed, level)];
  const whole = level === 'patients' ? ', each as a whole' : '';
  console.log(`\nF2 on ${test.patients.length} patients it never trained on${whole}`);
  console.log(
    textTable(
      ['', 'micro', ...test.labels],
      scores.map((score) => [score.name, score.f2, ...score.f2PerLabel]),
    ),
  );
}

/** Writes a probability per slice and label; of a patient-level model, per patient and label. */
export async function writePredictions(
  file: string,
  model: tf.LayersModel,
  source: PatientSource,
): Promise<void> {
  if (outputLevel(model) === 'patients') {
    const patients: PatientPrediction[] = [];
    for await (const prediction of predictPatientLevel(model, source)) patients.push(prediction);
    return writePatientProbabilities(file, patients, source.labels);
  }
  const predictions: SlicePrediction[] = [];
  for await (const slices of predictPatients(model, source)) predictions.push(...slices);
  await writeProbabilities(file, predictions, source.labels);
}
