/** Splits the patients of a training run. */
import {
  ArgumentError,
  checkNoLeak,
  findDuplicateSlices,
  kFoldByPatient,
  patientLabels,
  splitByShares,
  type PatientSource,
} from '../../index';
import { progressLine } from '../terminal';
import type { OpenedStudies } from './open_studies';

/** Patients on each side. */
export interface StudySplit {
  train: string[];
  validation: string[];
  test: string[];
}

/** The values of the `SPLIT` options. */
interface SplitArgs {
  validationFraction: number;
  testFraction: number;
  testFold: string | undefined;
  seed: number;
  stratify: boolean;
}

/** Splits the patients; those of `trainOnly` are used for training. */
export function splitStudies({ study, trainOnly }: OpenedStudies, args: SplitArgs): StudySplit {
  const { seed } = args;
  const fixed = new Set(trainOnly);
  const known = study.patients.filter((patient) => !fixed.has(patient));
  const grouping = {
    groupBy: study.groupOf && ((patient: string) => study.groupOf!(patient)),
    stratifyBy: args.stratify ? (patient: string) => patientLabels(study, patient) : undefined,
  };
  const { test, fraction } = testPatients(known, args, grouping);
  const validation = args.validationFraction;
  if (validation <= 0 || validation + fraction >= 1) {
    throw new ArgumentError(
      '--validation-fraction, --test-fraction: expected a validation fraction above 0, and a sum below 1, ' +
        `received ${validation} and ${fraction}`,
    );
  }
  const aside = new Set(test);
  // relative to the patients that a fold leaves
  const left = test ? 1 - fraction : 1;
  const shares: Partial<Record<keyof StudySplit, number>> = {
    train: (1 - validation - fraction) / left,
    validation: validation / left,
    ...(fraction > 0 && !test && { test: fraction }),
  };
  const sides = splitByShares<keyof StudySplit>(
    known.filter((patient) => !aside.has(patient)),
    { shares: shares as Record<keyof StudySplit, number>, seed, ...grouping },
  );
  return {
    train: [...sides.train, ...trainOnly],
    validation: sides.validation,
    test: test ?? sides.test ?? [],
  };
}

/** The share of patients to test on, and the patients themselves if a fold selects them. */
function testPatients(
  patients: readonly string[],
  { testFraction: fraction, testFold, seed }: SplitArgs,
  grouping: object,
): { fraction: number; test?: string[] } {
  if (testFold === undefined) return { fraction };
  const [fold, folds] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(testFold)?.slice(1) ?? []).map(Number);
  if (fraction > 0 || !fold || !folds || fold > folds) {
    throw new ArgumentError(
      `--test-fold: expected a fold and the number of folds, e.g. 2/5, instead of --test-fraction, received ${testFold}` +
        (fraction > 0 ? ` with --test-fraction ${fraction}` : ''),
    );
  }
  return {
    fraction: 1 / folds,
    test: kFoldByPatient(patients, { folds, seed, ...grouping })[fold - 1]!.validation,
  };
}

/** Refuses a split with equal slices (by content) on two sides. */
export async function checkStudies(study: PatientSource, split: StudySplit): Promise<void> {
  const line = progressLine('comparing slices of patients');
  const duplicates = await findDuplicateSlices(study, {
    onProgress: ({ done, total }) => line.show(done, total),
  });
  line.end();
  const { test, ...rest } = split;
  checkNoLeak(test.length > 0 ? { ...rest, test } : rest, { duplicates });
}
