import type * as tf from '@tensorflow/tfjs';
import {
  outputLevel,
  predictPatientLevel,
  predictPatients,
  type CheckpointDescription,
  type Evaluation,
  type PatientSource,
} from '../index';
import { writePredictions } from '../node';
import { textTable } from './terminal';
import type { TrivialScores } from '../prediction/trivial_predictors';

/** Prints F2, pooled and per label, next to that of predictors that never look at an image. */
export function printF2(
  title: string,
  name: string,
  evaluation: Evaluation,
  trivial: readonly TrivialScores[],
  labels: readonly string[],
): void {
  const whole = evaluation.level === 'patients' ? ', per patient' : '';
  console.log(`\nF2 on ${title}${whole}`);
  const scores = [{ name, f2: evaluation.f2, f2PerLabel: evaluation.f2PerLabel }, ...trivial];
  console.log(
    textTable(
      ['', 'micro', ...labels],
      scores.map((score) => [score.name, score.f2, ...score.f2PerLabel]),
    ),
  );
  const absent = labels.filter((_, l) => evaluation.f2PerLabel[l] === undefined);
  if (absent.length > 0) console.log(`–: none of these patients has ${absent.join(', ')}`);
}

/** Writes a probability per slice and label, or for a patient-level model per patient and label. */
export async function predictToFile(
  file: string,
  model: tf.LayersModel,
  source: PatientSource,
  { thresholds, calibration }: Pick<CheckpointDescription, 'thresholds' | 'calibration'>,
): Promise<void> {
  const options = { calibration, threshold: thresholds };
  if (outputLevel(model) === 'patients') {
    const patients = predictPatientLevel(model, source, options);
    return writePredictions(file, patients, source.labels, { format: 'patients' });
  }
  await writePredictions(file, predictPatients(model, source, options), source.labels);
}
