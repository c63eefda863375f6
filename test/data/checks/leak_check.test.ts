import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DuplicateSlices } from '../../../src/data/checks/duplicate_slices';
import { checkNoLeak, duplicatesAcross } from '../../../src/data/checks/leak_check';
import { kFoldByPatient, nestedKFoldByPatient } from '../../../src/data/splits/patient_folds';
import { splitByShares } from '../../../src/data/splits/patient_split';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { studies } from '../splits/random_study';

const personOf = (id: string) => id.split('/')[0]!;

/** The error that `run` throws. */
function errorOf(run: () => void): DataError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  }
  throw new Error('nothing was thrown');
}

describe('checkNoLeak', () => {
  it('finds nothing in what the splitting functions return', () => {
    fc.assert(
      fc.property(studies(9), fc.integer(), (labels, seed) => {
        const patients = [...labels.keys()];
        const groupBy = (id: string) => id.slice(0, 3);
        fc.pre(new Set(patients.map(groupBy)).size >= 9);
        const options = { seed, groupBy, stratifyBy: labels };
        checkNoLeak(kFoldByPatient(patients, { ...options, folds: 3, repeats: 2 }), { groupBy });
        checkNoLeak(nestedKFoldByPatient(patients, { ...options, outerFolds: 3, innerFolds: 2 }), {
          groupBy,
        });
        const shares = { train: 0.6, validation: 0.2, test: 0.2 };
        checkNoLeak(splitByShares(patients, { ...options, shares }), { groupBy });
      }),
      { numRuns: 50 },
    );
  });

  it('finds a patient who was put on a second side', () => {
    fc.assert(
      fc.property(studies(3), fc.integer(), fc.nat(), (labels, seed, pick) => {
        const split = splitByShares([...labels.keys()], {
          shares: { train: 0.6, validation: 0.2, test: 0.2 },
          seed,
        });
        const leaked = split.train[pick % split.train.length]!;
        for (const side of ['validation', 'test'] as const) {
          const error = errorOf(() => checkNoLeak({ ...split, [side]: [...split[side], leaked] }));
          expect(error.message).toContain(`${leaked} (train, ${side})`);
          expect(error.location).toEqual({ patient: leaked });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('names persons and their scans with groupBy', () => {
    const split = { train: ['x/1', 'y/1'], validation: ['z/1'], test: ['x/2', 'w/1', 'z/2'] };
    checkNoLeak(split);
    expect(errorOf(() => checkNoLeak(split, { groupBy: personOf })).message).toBe(
      'patients are on more than one side of the split: x (train as x/1, test as x/2); z (validation as z/1, test as z/2) (patient x/1)',
    );
  });

  it('names ten at most, and says how many more there are', () => {
    const ids = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const { message } = errorOf(() => checkNoLeak({ train: ids, test: ids }));
    expect(message).toContain('p9 (train, test) and 2 more');
    expect(message).not.toContain('p10');
  });

  it('checks folds each by itself', () => {
    checkNoLeak([
      { train: ['a'], validation: ['b'] },
      { train: ['b'], validation: ['a'] },
    ]);
    const leaking = [
      { train: ['a'], validation: ['b'] },
      { train: ['b'], validation: ['b'] },
    ];
    expect(errorOf(() => checkNoLeak(leaking)).message).toContain('b (split 1: train, split 1: validation)');
  });

  it('lets no patient of the test side into an inner fold', () => {
    const inner = [{ train: ['a'], validation: ['b'] }];
    checkNoLeak({ train: ['a', 'b'], test: ['c'], inner });
    expect(errorOf(() => checkNoLeak({ train: ['a'], test: ['b'], inner })).message).toContain(
      'b (inner 0: validation, test)',
    );
    const within = [{ train: ['a', 'b'], validation: ['b'] }];
    expect(errorOf(() => checkNoLeak({ train: ['a', 'b'], test: ['c'], inner: within })).message).toContain(
      'b (inner 0: train, inner 0: validation)',
    );
  });

  it.each([
    ['one side only', () => checkNoLeak({ train: ['a'] }), /two or three of train, validation, test/],
    ['no split', () => checkNoLeak([]), /at least one split/],
    ['nothing', () => checkNoLeak(undefined as never), /sides of patient ids.*undefined/],
    ['a side that is no list', () => checkNoLeak({ train: ['a'], test: 'b' as never }), /test.*list.*"b"/],
    [
      'a misspelt option',
      () => checkNoLeak({ train: ['a'], test: ['b'] }, { group: personOf } as never),
      /option 'group'/,
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('duplicatesAcross', () => {
  const duplicate = (hash: string, ...patients: string[]): DuplicateSlices => ({
    hash,
    slices: patients.map((patient) => ({ patient, slice: `${patient}_0` })),
  });
  const duplicates = [duplicate('1', 'a', 'b'), duplicate('2', 'a', 'c'), duplicate('3', 'a', 'z')];

  it('tells the equal slices that are on different sides', () => {
    const split = { train: ['a', 'b'], test: ['c'] };
    expect(duplicatesAcross(split, duplicates)).toEqual([duplicates[1]]);
    const error = errorOf(() => checkNoLeak(split, { duplicates }));
    expect(error.message).toContain('equal slices are on more than one side of the split: a/a_0 = c/c_0');
    expect(error.location).toEqual({ patient: 'a', slice: 'a_0' });
    checkNoLeak(split, { duplicates: [duplicates[0]!, duplicates[2]!] });
  });

  it('looks into every fold, inner ones too', () => {
    const folds = [
      { train: ['a', 'b'], validation: ['c'] },
      { train: ['a', 'c'], validation: ['b'] },
    ];
    expect(duplicatesAcross(folds, duplicates)).toEqual([duplicates[0], duplicates[1]]);
    const nested = { train: ['a', 'b'], test: ['c'], inner: [{ train: ['a'], validation: ['b'] }] };
    expect(duplicatesAcross(nested, duplicates)).toEqual([duplicates[0], duplicates[1]]);
  });
});
