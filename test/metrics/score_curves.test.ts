import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { precisionRecallCurve, rocCurve } from '../../src/metrics/score_curves';
import { readEvaluationGolden } from '../support/evaluation_golden';
import { expectClose } from '../support/matchers';

const labels = readEvaluationGolden().cases.flatMap(({ name, yTrue, probabilities, perLabel }) =>
  perLabel.map((scores, label) => ({
    name: `${name} ${label}`,
    yTrue: yTrue.map((row) => row[label]!),
    probabilities: probabilities.map((row) => row[label]!),
    ...scores,
  })),
);

describe.each([false, true])('curves with dropIntermediate %s', (dropIntermediate) => {
  const key = dropIntermediate ? 'True' : 'False';

  it.each(labels)('equal scikit-learn: $name', ({ yTrue, probabilities, precisionRecall, roc }) => {
    const pr = precisionRecallCurve(yTrue, probabilities, { dropIntermediate });
    if (precisionRecall === undefined) expect(pr).toBeUndefined();
    else {
      const [precision, recall, thresholds] = precisionRecall[key];
      expectClose(pr!.precision, precision, 1e-12, 'precision');
      expectClose(pr!.recall, recall, 1e-12, 'recall');
      expect(pr!.thresholds).toEqual(thresholds);
    }
    const curve = rocCurve(yTrue, probabilities, { dropIntermediate });
    if (roc === undefined) expect(curve).toBeUndefined();
    else {
      const [fpr, tpr, thresholds] = roc[key];
      expectClose(curve!.fpr, fpr, 1e-12, 'fpr');
      expectClose(curve!.tpr, tpr, 1e-12, 'tpr');
      expect(curve!.thresholds).toEqual([Infinity, ...thresholds]);
    }
  });
});

describe('curves', () => {
  it('leave out what is not labelled', () => {
    const [y, p] = [[1, -1, 0], new Float32Array([0.5, 0.75, 0.25])];
    expect(precisionRecallCurve(y, p)).toEqual(precisionRecallCurve([1, 0], [0.5, 0.25]));
    expect(rocCurve(y, p)).toEqual(rocCurve([1, 0], [0.5, 0.25]));
  });

  it('drop points by the defaults of scikit-learn', () => {
    const [y, p] = [[1, 1, 1, 0, 0, 0], [6, 5, 4, 3, 2, 1]]; // prettier-ignore
    expect(rocCurve(y, p)).toEqual(rocCurve(y, p, { dropIntermediate: true }));
    expect(precisionRecallCurve(y, p)).toEqual(precisionRecallCurve(y, p, { dropIntermediate: false }));
    expect(rocCurve(y, p)!.fpr.length).toBeLessThan(rocCurve(y, p, { dropIntermediate: false })!.fpr.length);
  });

  it.each([precisionRecallCurve, rocCurve])('%o refuses what it cannot draw', (curve) => {
    expect(() => curve([1], [0.1, 0.2])).toThrow('yTrue: expected 2 labels');
    expect(() => curve([1], [NaN])).toThrow(ArgumentError);
    expect(() => curve([2], [0.5])).toThrow('0, 1, or -1');
    expect(() => curve([1], [0.5], { drop: true } as object)).toThrow(
      "unknown option 'drop'; known: dropIntermediate",
    );
    expect(() => curve([1], [0.5], { dropIntermediate: 1 as unknown as boolean })).toThrow('a boolean');
  });
});
