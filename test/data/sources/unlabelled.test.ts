import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { labelStatistics } from '../../../src/data/checks/label_statistics';
import { patientLabels, patientTargets, type PatientSource } from '../../../src/data/sources/patient_source';
import { checkedSliceLabels } from '../../../src/data/sources/slice_labels';
import { unionSource } from '../../../src/data/sources/union_source';
import { kFoldByPatient } from '../../../src/data/splits/patient_folds';
import { splitByPatient, splitByShares } from '../../../src/data/splits/patient_split';
import { splitMeasures } from '../../../src/data/splits/split_measures';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { trivialPredictors } from '../../../src/prediction/trivial_predictors';
import { labelSource } from '../checks/label_source';

const asSource = (labels: ReturnType<typeof labelSource>): PatientSource => ({
  ...labels,
  load: () => Promise.reject(new Error('no image is looked at')),
});

/** `full` knows both labels; `part` knows x of its slices, `scans` x of whole patients, and neither y. */
const full = asSource(
  labelSource(['x', 'y'], { a: [[1, 0], [0, 1]], b: [[0, 0]], c: [[1, 1]], d: [[0, 0]] }), // prettier-ignore
);
const part = asSource(labelSource(['x', 'y'], { a: [[1, -1], [0, -1]], b: [[0, -1]] })); // prettier-ignore
const scans = asSource(
  labelSource(['x', 'y'], { a: undefined, b: undefined }, (patient) => (patient === 'a' ? [1, -1] : [0, -1])),
);
const union = unionSource([
  { name: 'full', source: full },
  { name: 'part', source: part },
  { name: 'scans', source: scans },
]);

describe('a study that lacks a label, beside one that has it', () => {
  it('keeps -1 in its labels; its patients have not the label, and are not scored on it', () => {
    expect(checkedSliceLabels(union, 'part/a')).toEqual([[1, -1], [0, -1]]); // prettier-ignore
    expect(patientLabels(union, 'part/a')).toEqual([1, 0]);
    expect(patientTargets(union, 'part/a')).toEqual([1, -1]);
    expect(patientTargets(union, 'scans/b')).toEqual([0, -1]);
  });

  it('counts as neither with nor without the label', () => {
    expect(labelStatistics(union).labels).toEqual([
      { label: 'x', slices: { positive: 3, negative: 5 }, patients: { positive: 4, negative: 4 } },
      { label: 'y', slices: { positive: 2, negative: 3 }, patients: { positive: 2, negative: 2 } },
    ]);
  });

  it('can be divided by labels: -1 is as 0', () => {
    const stratifyBy = (patient: string) => patientLabels(union, patient);
    expect(stratifyBy('scans/a')).toEqual([1, -1]);
    const zeroed = (patient: string) => stratifyBy(patient).map((value) => Math.max(value, 0));
    const options = { seed: 4, validationFraction: 0.5 };
    const split = splitByPatient(union.patients, { ...options, stratifyBy });
    expect(split).toEqual(splitByPatient(union.patients, { ...options, stratifyBy: zeroed }));
    const withX = (side: string[]) => side.filter((patient) => stratifyBy(patient)[0] === 1).length;
    expect([withX(split.train), withX(split.validation)]).toEqual([2, 2]);
    const folds = kFoldByPatient(union.patients, { folds: 2, seed: 4, stratifyBy });
    const sides = folds.map(({ validation }) => validation);
    expect(splitMeasures(sides, stratifyBy)).toEqual(splitMeasures(sides, zeroed));
    const shares = { train: 0.5, test: 0.5 };
    expect(splitByShares(union.patients, { shares, seed: 4, stratifyBy })).toEqual(
      splitByShares(union.patients, { shares, seed: 4, stratifyBy: zeroed }),
    );
    // one person's scan that is labelled says what another one's is not
    const persons = { seed: 4, stratifyBy: { p1: [-1], p2: [1], q: [0] }, groupBy: (id: string) => id[0]! };
    const grouped = splitByPatient(['p1', 'p2', 'q'], persons);
    expect([grouped.train, grouped.validation]).toContainEqual(['p1', 'p2']);
  });

  it('does not change what predictors without a model get for the label', () => {
    const slices = unionSource([
      { name: 'full', source: full },
      { name: 'part', source: part },
    ]);
    const [alone, together] = [full, slices].map((source) => trivialPredictors(source, source, 1));
    // F2 of yes to everything: 5 TP / (5 TP + 4 FN + FP), with 2 of 5 slices labelled y in both
    expect(alone![0]!.f2PerLabel[1]).toBeCloseTo(10 / 13, 6);
    expect(together![0]!.f2PerLabel[1]).toBeCloseTo(10 / 13, 6);
    expect(together![0]!.f2PerLabel[0]).toBeCloseTo(15 / 20, 6);
    const patients = trivialPredictors(union, union, 1, 'patients');
    expect(patients[0]!.f2PerLabel[1]).toBeCloseTo(10 / 12, 6); // 2 of 4 labelled patients
  });

  it('has no part in the loss or its gradient: the mean is over the labelled entries', () => {
    const [y, x] = [tf.tensor2d([[1, -1], [0, -1], [0, 1]]), tf.tensor2d([[0.3, 9], [-1, -7], [2, -0.5]])]; // prettier-ignore
    const loss = asymmetricLoss();
    const known = loss(tf.tensor2d([[1, 0, 0, 1]]), tf.tensor2d([[0.3, -1, 2, -0.5]]));
    const { value, grad } = tf.valueAndGrad((logits) => loss(y, logits as tf.Tensor))(x);
    expect(value.dataSync()[0]).toBeCloseTo(known.dataSync()[0]!, 6);
    const sum = asymmetricLoss({ reduction: 'sum' })(y, x).dataSync()[0]!;
    expect(value.dataSync()[0]).toBeCloseTo(sum / 4, 6);
    const slopes = grad.arraySync() as number[][];
    expect([slopes[0]![1]!, slopes[1]![1]!].map(Math.abs)).toEqual([0, 0]);
    expect(slopes.flat().filter((slope) => slope !== 0)).toHaveLength(4);
  });
});
