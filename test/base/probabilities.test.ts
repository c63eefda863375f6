import { expect, it } from 'vitest';
import { areProbabilities } from '../../src/base/checks';
import { predictionsTable } from '../../src/data/tables/prediction_formats';
import { patientLevel } from '../../src/evaluation/patient_level';
import { fitCalibration } from '../../src/evaluation/calibration';
import { calibrateProbabilities } from '../../src/metrics/calibration';
import { decisionRates } from '../../src/metrics/decision_counts';

// null is what JSON makes of NaN, and compares as 0
const NONE = [null, '0.5', NaN, undefined, -0.1, 1.1, true] as number[];

it('takes numbers in [0, 1] for probabilities and nothing else', () => {
  expect(areProbabilities([0, 0.5, 1])).toBe(true);
  expect(areProbabilities(Float32Array.of(0, 1))).toBe(true);
  for (const bad of NONE) expect(areProbabilities([0.5, bad])).toBe(false);
  expect(areProbabilities(new Array(1))).toBe(false);
});

it.each(NONE)('makes no score, table or calibration of %j', (bad) => {
  const probabilities = [[0.5], [bad]];
  const yTrue = [[1], [0]];
  const patients = ['a', 'b'];
  const rows = patients.map((patient, i) => ({ patient, probabilities: probabilities[i]!, decisions: [1 as const] })); // prettier-ignore
  expect(() => patientLevel({ patients, yTrue, probabilities })).toThrow('in [0, 1]');
  expect(() => predictionsTable(rows, ['x'], { format: 'patients' })).toThrow('in [0, 1]');
  expect(() => calibrateProbabilities(probabilities, { method: 'temperature', scale: [1], offset: [0] })).toThrow('in [0, 1]'); // prettier-ignore
  expect(() => fitCalibration({ labels: ['x'], yTrue, probabilities })).toThrow('in [0, 1]');
  if (bad === undefined) return; // no prevalence
  expect(() => decisionRates({ tp: 1, fp: 1, fn: 1, tn: 1 }, { prevalence: bad })).toThrow('in [0, 1]');
});
