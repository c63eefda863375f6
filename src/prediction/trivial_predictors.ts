import { patientTargets, type PatientSource } from '../data/sources/patient_source';
import { check } from '../base/checks';
import { DataError } from '../base/errors';
import { countDecisions, f2OfLabels } from '../metrics/decision_counts';
import type { LabelRows } from '../metrics/labelled_scores';
import { seededRandom } from '../base/random';
import { IGNORED_LABEL } from '../base/types';
import type { OutputLevel } from '../models/output_level';

/**
 * F2 of a predictor that never looks at an image.
 *
 * @inline
 */
export interface TrivialScores {
  name: string;
  /** 0 without any positive or any predicted positive. */
  f2: number;
  /** Undefined for a label that none of the evaluated patients has. */
  f2PerLabel: (number | undefined)[];
}

/**
 * F2 of two predictors that never look at an image: what a model must beat.
 *
 * "all positive" predicts every label for every slice (or patient); "label frequency" predicts at random, each label as
 * often as in the training patients.
 *
 * @param train - Patients from which the frequencies are taken.
 * @param test - Patients to evaluate.
 * @param seed - Seed of the random predictions.
 * @param level - Whether to predict per slice or per patient, like the model to compare with.
 * @throws DataError for a patient without labels.
 * @throws ArgumentError for sources without slices, or of different labels.
 * @example
 * ```ts
 * const [allPositive, labelFrequency] = trivialPredictors(train, validation, 1);
 * ```
 */
export function trivialPredictors(
  train: PatientSource,
  test: PatientSource,
  seed: number,
  level: OutputLevel = 'slices',
): TrivialScores[] {
  const what = 'trivialPredictors';
  const expected = `the labels ${train.labels.join(', ')}`;
  check(train.labels.join() === test.labels.join(), `${what}: test`, expected, test.labels);
  check(Number.isInteger(seed), `${what}: seed`, 'an integer', seed);
  const known = labelRows(train, level);
  const truth = labelRows(test, level);
  check(known.length > 0, `${what}: train`, 'at least one slice', known);
  check(truth.length > 0, `${what}: test`, 'at least one slice', truth);
  const frequencies = train.labels.map((_, l) => {
    const labelled = known.map((row) => row[l]!).filter((label) => label !== IGNORED_LABEL);
    return labelled.reduce((sum, label) => sum + label, 0) / Math.max(labelled.length, 1);
  });
  const random = seededRandom(seed);
  // averaged over many draws, so that the result for a small study is not luck
  const draws = Math.ceil(20_000 / truth.length);
  const repeated = Array.from({ length: draws }, () => truth).flat();
  return [
    { name: 'all positive', ...score(truth, () => 1) },
    { name: 'label frequency', ...score(repeated, (label) => (random() < frequencies[label]! ? 1 : 0)) },
  ];
}

function labelRows(source: PatientSource, level: OutputLevel): (readonly number[])[] {
  if (level === 'patients') return source.patients.map((patient) => patientTargets(source, patient));
  return source.patients.flatMap((patient) => {
    const rows = source.sliceLabels(patient);
    if (!rows) throw new DataError('the patient has no labels', { patient });
    return rows;
  });
}

function score(truth: LabelRows, predict: (label: number) => 0 | 1): Omit<TrivialScores, 'name'> {
  const decisions = truth.map((row) => row.map((_, label) => predict(label)));
  const { f2 = 0, f2PerLabel } = f2OfLabels(countDecisions(truth, decisions));
  return { f2, f2PerLabel };
}
