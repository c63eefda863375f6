import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelRuns } from '../../../src/data/checks/label_runs';
import { DataError } from '../../../src/base/errors';
import { labelSource, labelStudies } from './label_source';

/** The runs and gaps of one label of one patient; undefined where it is not interrupted. */
function runsOf(...values: number[]) {
  const [found] = labelRuns(labelSource(['x'], { a: values.map((value) => [value]) })).interrupted;
  return found && { runs: found.runs, gaps: found.gaps };
}

describe('labelRuns', () => {
  it('tells where a label stops and starts again', () => {
    const study = labelSource(['x', 'y'], {
      a: [
        [1, 0],
        [0, 1],
        [0, 1],
        [1, 1],
        [0, 0],
      ],
      b: [
        [0, 0],
        [1, 0],
      ],
      c: undefined,
    });
    expect(labelRuns(study)).toEqual({
      interrupted: [
        {
          patient: 'a',
          label: 'x',
          runs: [
            { first: 0, last: 0 },
            { first: 3, last: 3 },
          ],
          gaps: [{ first: 1, last: 2, slices: ['a_1', 'a_2'] }],
        },
      ],
      counts: [
        { label: 'x', patients: 2, interrupted: 1 },
        { label: 'y', patients: 1, interrupted: 0 },
      ],
      unlabelled: ['c'],
    });
  });

  it('lets unknown slices neither end nor begin a run', () => {
    expect(runsOf(1, -1, 1)).toBeUndefined();
    expect(runsOf(-1, -1)).toBeUndefined();
    expect(runsOf(0, -1, 1, -1, 0)).toBeUndefined();
    expect(runsOf(1, -1, 0, 1)).toEqual({
      runs: [
        { first: 0, last: 0 },
        { first: 3, last: 3 },
      ],
      gaps: [{ first: 2, last: 2, slices: ['a_2'] }],
    });
    expect(runsOf(-1, 1, -1, 1, 0, -1, 0, -1, 1, -1)).toEqual({
      runs: [
        { first: 1, last: 3 },
        { first: 8, last: 8 },
      ],
      gaps: [{ first: 4, last: 6, slices: ['a_4', 'a_5', 'a_6'] }],
    });
  });

  it('has as many runs as the label changes from off to on, and a gap between any two', () => {
    fc.assert(
      fc.property(labelStudies, (study) => {
        const { interrupted, counts } = labelRuns(study);
        study.labels.forEach((label, l) => {
          const starts = study.patients.map((patient) => {
            const known = study.sliceLabels(patient)!.map((row) => row[l]!);
            const values = known.filter((value) => value !== -1);
            return values.filter((value, i) => value === 1 && values[i - 1] !== 1).length;
          });
          expect(counts[l]).toEqual({
            label,
            patients: starts.filter((n) => n > 0).length,
            interrupted: starts.filter((n) => n > 1).length,
          });
          study.patients.forEach((patient, p) => {
            const found = interrupted.find((entry) => entry.patient === patient && entry.label === label);
            if (starts[p]! < 2) expect(found).toBeUndefined();
            else expect(found!.runs).toHaveLength(starts[p]!);
          });
        });
      }),
    );
  });

  it('has the label nowhere outside its runs, and in no gap', () => {
    fc.assert(
      fc.property(labelStudies, (study) => {
        for (const { patient, label, runs, gaps } of labelRuns(study).interrupted) {
          const values = study.sliceLabels(patient)!.map((row) => row[study.labels.indexOf(label)]!);
          const within = (ranges: { first: number; last: number }[], i: number) =>
            ranges.some(({ first, last }) => first <= i && i <= last);
          values.forEach((value, i) => {
            if (value === 1) expect(within(runs, i)).toBe(true);
            if (value === 0) expect(within(runs, i)).toBe(false);
            if (value === 1) expect(within(gaps, i)).toBe(false);
          });
          expect(gaps).toHaveLength(runs.length - 1);
          gaps.forEach((gap, i) => {
            expect(gap.first).toBeGreaterThan(runs[i]!.last);
            expect(gap.last).toBeLessThan(runs[i + 1]!.first);
            expect([values[gap.first], values[gap.last]]).toEqual([0, 0]);
            expect(gap.slices).toEqual(study.sliceNames(patient).slice(gap.first, gap.last + 1));
          });
        }
      }),
    );
  });

  it.each([
    [
      'a value that is no label',
      { a: [[0], [2]] },
      /0, 1 or -1 for each of 1 labels, found \[2\].*slice a_1/,
    ],
    ['too many values', { a: [[0, 1]] }, /found \[0, 1\].*patient a/],
  ])('refuses %s', (_, study, message) => {
    const run = () => labelRuns(labelSource(['x'], study));
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });

  it('refuses labels of another number of slices', () => {
    const run = () => labelRuns({ ...labelSource(['x'], { a: [[0]] }), sliceNames: () => ['s', 't'] });
    expect(run).toThrow(/labels of 2 slices, found 1.*patient a/);
  });
});
