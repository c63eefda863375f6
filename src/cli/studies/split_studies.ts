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
import { options, type Args } from '../command_line';
import { progressLine } from '../terminal';
import type { OpenedStudies } from './open_studies';

/** One of several folds, counted from 1. */
export interface Fold {
  fold: number;
  folds: number;
}

function foldIn(text: string, what: string): Fold {
  const [fold, folds] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(text)?.slice(1) ?? []).map(Number);
  if (!fold || !folds || fold > folds) {
    throw new ArgumentError(`${what}: expected a fold and the number of folds, e.g. 2/5, received '${text}'`);
  }
  return { fold, folds };
}

/** How patients are split: checked by {@link checkShares}. */
export const SPLIT = options({
  'validation-fraction': {
    value: 'X',
    default: 0.2,
    help: 'share of patients held out to choose epochs and thresholds by',
  },
  'test-fraction': { value: 'X', default: 0, help: 'share of patients held out for testing at the end' },
  'test-fold': {
    value: 'K/N',
    parse: foldIn,
    help: 'hold out the K-th of N folds instead; one run per fold with the same seed tests every patient once',
  },
  stratify: { default: true, help: 'keep these shares for the patients of each label too' },
});

/** Patients on each side. */
export interface StudySplit {
  train: string[];
  validation: string[];
  test: string[];
}

type SplitArgs = Args<typeof SPLIT> & { seed: number };

/** Refuses shares that leave no patients to train on or to validate by. */
export function checkShares({ validationFraction, testFraction, testFold }: SplitArgs): void {
  if (testFold && testFraction > 0) {
    throw new ArgumentError(
      `--test-fold: expected a fold instead of --test-fraction, received ${testFold.fold}/${testFold.folds} with --test-fraction ${testFraction}`,
    );
  }
  const test = testShare({ testFraction, testFold });
  if (validationFraction > 0 && validationFraction + test < 1) return;
  throw new ArgumentError(
    '--validation-fraction, --test-fraction: expected a validation fraction above 0, and a sum below 1, ' +
      `received ${validationFraction} and ${test}`,
  );
}

/** The share of patients to test on. */
const testShare = ({ testFraction, testFold }: Pick<SplitArgs, 'testFraction' | 'testFold'>): number =>
  testFold ? 1 / testFold.folds : testFraction;

/** Splits the patients; those of `trainOnly` are used for training. */
export function splitStudies({ study, trainOnly }: OpenedStudies, args: SplitArgs): StudySplit {
  const { seed } = args;
  const fixed = new Set(trainOnly);
  const known = study.patients.filter((patient) => !fixed.has(patient));
  const grouping = {
    groupBy: study.groupOf && ((patient: string) => study.groupOf!(patient)),
    stratifyBy: args.stratify ? (patient: string) => patientLabels(study, patient) : undefined,
  };
  const { validationFraction: validation, testFold } = args;
  const fraction = testShare(args);
  const test =
    testFold &&
    kFoldByPatient(known, { folds: testFold.folds, seed, ...grouping })[testFold.fold - 1]!.validation;
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
