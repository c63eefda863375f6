import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelStatistics } from '../../../src/data/checks/label_statistics';
import { patientLabels } from '../../../src/data/sources/patient_source';
import { DataError } from '../../../src/base/errors';
import { labelSource, labelStudies } from './label_source';

describe('labelStatistics', () => {
  it('counts slices, patients and what comes together', () => {
    const study = labelSource(['x', 'y', 'z'], {
      a: [
        [1, 1, 0],
        [1, 0, -1],
        [0, 0, 0],
      ],
      b: [[0, 1, 0]],
      c: [
        [0, 0, -1],
        [1, 0, -1],
      ],
      d: undefined,
    });
    expect(labelStatistics(study)).toEqual({
      patients: 4,
      slices: 7,
      slicesPerPatient: { min: 1, median: 1.5, max: 3 },
      labels: [
        { label: 'x', slices: { positive: 3, negative: 3 }, patients: { positive: 2, negative: 1 } },
        { label: 'y', slices: { positive: 2, negative: 4 }, patients: { positive: 2, negative: 1 } },
        { label: 'z', slices: { positive: 0, negative: 3 }, patients: { positive: 0, negative: 1 } },
      ],
      sliceCooccurrence: [
        [3, 1, 0],
        [1, 2, 0],
        [0, 0, 0],
      ],
      patientCooccurrence: [
        [2, 1, 0],
        [1, 2, 0],
        [0, 0, 0],
      ],
      unlabelled: ['d'],
    });
  });

  it('takes the labels of a whole patient where only those are known', () => {
    const study = labelSource(['x', 'y'], { a: undefined, b: undefined, c: undefined }, (patient) =>
      patient === 'c' ? undefined : patient === 'a' ? [1, 1] : [0, -1],
    );
    const { labels, sliceCooccurrence, patientCooccurrence, unlabelled } = labelStatistics(study);
    expect(labels).toEqual([
      { label: 'x', slices: { positive: 0, negative: 0 }, patients: { positive: 1, negative: 1 } },
      { label: 'y', slices: { positive: 0, negative: 0 }, patients: { positive: 1, negative: 0 } },
    ]);
    expect(sliceCooccurrence).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(patientCooccurrence).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(unlabelled).toEqual(['c']);
  });

  it('agrees with itself: symmetric, positives on the diagonal, never more together than alone', () => {
    fc.assert(
      fc.property(labelStudies, (study) => {
        const statistics = labelStatistics(study);
        for (const [level, matrix] of [
          ['slices', statistics.sliceCooccurrence],
          ['patients', statistics.patientCooccurrence],
        ] as const) {
          statistics.labels.forEach((counts, l) => {
            expect(matrix[l]![l]).toBe(counts[level].positive);
            matrix.forEach((row, other) => {
              expect(row[l]).toBe(matrix[l]![other]);
              expect(row[l]).toBeLessThanOrEqual(Math.min(row[other]!, matrix[l]![l]!));
            });
          });
        }
        const whole = study.patients.map((patient) => patientLabels(study, patient));
        statistics.labels.forEach(({ slices, patients }, l) => {
          const rows = study.patients.flatMap((patient) => study.sliceLabels(patient)!);
          expect(slices.positive + slices.negative).toBe(rows.filter((row) => row[l] !== -1).length);
          expect(patients.positive).toBe(whole.filter((row) => row[l] === 1).length);
        });
        const { min, median, max } = statistics.slicesPerPatient;
        expect(min).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(max);
      }),
    );
  });

  it.each([
    ['a source without patients', labelSource(['x'], {}), /no patient/],
    ['a value that is no label', labelSource(['x'], { a: [[3]] }), /found \[3\].*patient a, slice a_0/],
    [
      'a whole patient with too few labels',
      labelSource(['x', 'y'], { a: undefined }, () => [1]),
      /each of 2 labels, found \[1\].*patient a/,
    ],
  ])('refuses %s', (_, study, message) => {
    expect(() => labelStatistics(study)).toThrow(DataError);
    expect(() => labelStatistics(study)).toThrow(message);
  });
});
