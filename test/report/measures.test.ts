import { describe, expect, it } from 'vitest';
import { anyLabel } from '../../src/report/any_label';
import { measure, type Samples } from '../../src/report/measures';

const yTrue = [[1, 0], [0, 0], [0, -1], [-1, 1], [0, 0], [-1, -1]]; // prettier-ignore
const probabilities = [[0.9, 0.2], [0.3, 0.6], [0.2, 0.1], [0.1, 0.3], [0.1, 0.2], [0.9, 0.9]]; // prettier-ignore
const people = ['a', 'a', 'a', 'b', 'b', 'b'];
const samples: Samples = { level: 'slices', yTrue, probabilities, people };
const options = { labels: ['ich', 'sdh'], thresholds: [0.5, 0.25], seed: 1, resamples: 50 };

describe('anyLabel', () => {
  const any = (labels: string[]) => anyLabel(labels, yTrue, probabilities, [0.5, 0.25]);

  it('is positive where one label is, and not labelled where one is not and none is positive', () => {
    expect(any(['ich', 'sdh'])).toEqual({
      name: 'any hemorrhage',
      yTrue: [1, 0, -1, 1, 0, -1],
      probabilities: [0.9, 0.6, 0.2, 0.3, 0.2, 0.9],
      // at the threshold of each label: the largest probability alone would not tell the fourth from the third
      found: [true, true, false, true, false, true],
    });
  });

  it('has no row of one label, or where the model has a label any, and is of hemorrhages only where the labels are', () => {
    expect(anyLabel(['ich'], [[1]], [[0.5]], [0.5])).toBeUndefined();
    expect(any(['any', 'subdural'])).toBeUndefined();
    expect(any(['ich', 'fracture'])?.name).toBe('any label');
  });
});

describe('measure', () => {
  it('scores any of the labels by their decisions, and counts the people that have it', () => {
    const { any, labels, pooled } = measure(samples, options);
    expect(any!.report).toMatchObject({ positives: 2, negatives: 2, counts: { tp: 2, fp: 1, fn: 0, tn: 1 } });
    expect(any!.report).toMatchObject({ recall: 1, specificity: 0.5, prevalence: 0.5, ppv: 2 / 3 });
    expect(any!.people).toBe(2);
    expect(any!.threshold).toBeUndefined();
    expect(any!.intervals.sensitivity.estimate).toBe(1);
    expect(any!.intervals.rocAuc.estimate).toBe(any!.report.rocAuc);
    expect(any!.intervals.averagePrecision.estimate).toBe(any!.report.averagePrecision);
    expect(labels.map(({ people: having }) => having)).toEqual([1, 1]);
    expect(pooled.f2.estimate).toBeGreaterThan(0);
  });

  it('has the estimates of the report beside the intervals, and of a label without positives none', () => {
    const empty = { ...samples, yTrue: yTrue.map(([first]) => [first!, 0]) };
    const { labels, report } = measure(empty, options);
    for (const [l, { intervals, report: own }] of labels.entries()) {
      expect(own).toBe(report.labels[l]);
      expect(intervals.specificity.estimate).toBe(own.specificity);
      expect(intervals.rocAuc.estimate).toBe(own.rocAuc);
      expect(intervals.averagePrecision.estimate).toBe(own.averagePrecision);
      expect(intervals.f2.estimate).toBe(own.positives === 0 ? undefined : own.fBeta);
    }
    expect(labels[1]!.intervals.f2).toEqual({
      estimate: undefined,
      low: undefined,
      high: undefined,
      resamples: 0,
    });
  });

  it('has no predictive values of any where only those of the labels are stated', () => {
    const { any } = measure(samples, { ...options, prevalence: [0.1, 0.2] });
    expect(any!.report).toMatchObject({ prevalence: undefined, ppv: undefined, npv: undefined });
  });
});
