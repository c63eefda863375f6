import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapDifference, bootstrapInterval } from '../../src/evaluation/bootstrap';
import { scoreIntervals } from '../../src/evaluation/score_intervals';
import { countDecisions, decisionRates, type DecisionRates } from '../../src/metrics/decision_counts';
import { averagePrecision, rocAuc } from '../../src/metrics/ranking_metrics';

/** Entries of up to five patients, with scores that are often equal. */
const entries = fc.integer({ min: 1, max: 5 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    rows: fc.array(
      fc.record({
        y: fc.constantFrom(-1, 0, 1),
        score: fc.integer({ min: 0, max: 4 }).map((value) => value / 4),
        patient: fc.integer({ min: 0, max: count - 1 }),
      }),
      { minLength: 1, maxLength: 25 },
    ),
  }),
);

describe('scoreIntervals', () => {
  it("equals the bootstrap of each metric by itself, on each patient's entries as often as it is drawn", () => {
    fc.assert(
      fc.property(entries, fc.nat(), ({ count, rows }, seed) => {
        const options = { resamples: 30, seed };
        const intervals = scoreIntervals(
          {
            yTrue: rows.map(({ y }) => y),
            scores: rows.map(({ score }) => score),
            found: rows.map(({ score }) => score >= 0.5),
            patients: rows.map(({ patient }) => patient),
          },
          count,
          options,
        );
        const everyone = Array.from({ length: count }, (_, patient) =>
          rows.filter((row) => row.patient === patient),
        );
        type Sample = readonly (readonly (typeof rows)[number][])[];
        const scored = (score: (y: number[][], p: number[][]) => number | undefined) => (sample: Sample) => {
          const drawn = sample.flat();
          if (drawn.length === 0) return undefined;
          return score(
            drawn.map(({ y }) => [y]),
            drawn.map((row) => [row.score]),
          );
        };
        const rate = (name: keyof DecisionRates, threshold = 0.5) =>
          scored((y, p) => decisionRates(countDecisions(y, p, { threshold })[0]!)[name]);
        const expected = {
          f2: bootstrapInterval(everyone, rate('fBeta'), options),
          allPositive: bootstrapInterval(everyone, rate('fBeta', 0), options),
          difference: bootstrapDifference(everyone, rate('fBeta'), rate('fBeta', 0), options),
          sensitivity: bootstrapInterval(everyone, rate('recall'), options),
          specificity: bootstrapInterval(everyone, rate('specificity'), options),
          averagePrecision: bootstrapInterval(everyone, scored(averagePrecision), options),
          rocAuc: bootstrapInterval(everyone, scored(rocAuc), options),
        };
        expect(Object.keys(intervals).sort()).toEqual(Object.keys(expected).sort());
        for (const [name, interval] of Object.entries(expected)) {
          const own = intervals[name as keyof typeof intervals];
          expect(own.resamples, name).toBe(interval.resamples);
          for (const part of ['estimate', 'low', 'high'] as const) {
            if (interval[part] === undefined) expect(own[part], name).toBeUndefined();
            else expect(own[part], name).toBeCloseTo(interval[part], 12);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
