import {
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  type PatientPrediction,
  type SlicePrediction,
} from '../data/predictions_table';
import { rsnaSubmissionTable } from '../data/rsna_predictions_table';
import type { Labels } from '../types';
import { writeFileAtomic } from './atomic_write';

/** Writes {@link probabilitiesTable} to a file, whole or not at all. */
export async function writeProbabilities(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, probabilitiesTable(predictions, labels));
}

/** Writes {@link patientProbabilitiesTable} to a file, whole or not at all. */
export async function writePatientProbabilities(
  file: string,
  predictions: readonly PatientPrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, patientProbabilitiesTable(predictions, labels));
}

/** Writes {@link submissionTable}, the challenge's file, to a file, whole or not at all. */
export async function writeSubmission(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, submissionTable(predictions, labels));
}

/** Writes {@link rsnaSubmissionTable}, the file of RSNA's challenge, to a file, whole or not at all. */
export async function writeRsnaSubmission(
  file: string,
  predictions: readonly SlicePrediction[],
  labels: Labels,
): Promise<void> {
  await writeFileAtomic(file, rsnaSubmissionTable(predictions, labels));
}
