import {
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  type PatientPrediction,
  type SlicePrediction,
} from '../../data/tables/predictions_table';
import { rsnaSubmissionTable } from '../../data/tables/rsna_predictions_table';
import type { Labels } from '../../base/types';
import { writeFileAtomic } from '../files/atomic_write';

/**
 * Writes {@link probabilitiesTable} to a file, whole or not at all.
 *
 * @example
 * ```ts
 * await writeProbabilities('probabilities.csv', predictions, study.labels);
 * ```
 */
export async function writeProbabilities(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, probabilitiesTable(predictions, labels));
}

/**
 * Writes {@link patientProbabilitiesTable} to a file, whole or not at all.
 *
 * @example
 * ```ts
 * await writePatientProbabilities('patients.csv', predictions, study.labels); // patient,ich,…
 * ```
 */
export async function writePatientProbabilities(
  file: string,
  predictions: readonly PatientPrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, patientProbabilitiesTable(predictions, labels));
}

/**
 * Writes {@link submissionTable}, the challenge's file, to a file, whole or not at all.
 *
 * @example
 * ```ts
 * await writeSubmission('submission.csv', predictions, study.labels); // 049_0_ich,1
 * ```
 */
export async function writeSubmission(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, submissionTable(predictions, labels));
}

/**
 * Writes {@link rsnaSubmissionTable}, the file of RSNA's challenge, to a file, whole or not at all.
 *
 * @example
 * ```ts
 * await writeRsnaSubmission('submission.csv', predictions, RSNA_LABELS); // ID_0a1b2c3d4_any,0.93
 * ```
 */
export async function writeRsnaSubmission(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, rsnaSubmissionTable(predictions, labels));
}
