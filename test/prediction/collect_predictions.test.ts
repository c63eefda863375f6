import { describe, expect, it } from 'vitest';
import { patientLabels, type PatientSource } from '../../src/data/sources/patient_source';
import { ArgumentError, DataError } from '../../src/base/errors';
import { patientLevel } from '../../src/evaluation/patient_level';
import type { Calibration } from '../../src/metrics/calibration';
import { countDecisions, decisionRates, poolCounts } from '../../src/metrics/decision_counts';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { evaluatePatients } from '../../src/prediction/evaluate';
import { predictPatients } from '../../src/prediction/predict_patients';
import { expectNoLeakAsync } from '../support/matchers';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../support/memory_source';

const labels = ['a', 'b'];
const source = memorySource({
  patients: ['p', 'q', 'r'],
  slices: (patient) => ({ p: 1, q: 4, r: 3 })[patient]!,
});
const options = { variant: 'VGG16 + SDL(GRU)', backbone: tinyBackbone(), labels, seed: 2 } as const;
const model = buildCtBrainModel(options);
const calibration: Calibration = { method: 'platt', scale: [2, 0.5], offset: [1, -1] };

describe('collectPredictions', () => {
  it('puts the truth of each slice beside what predictPatients says of it', async () => {
    const { level, rows, ...columns } = await collectPredictions(model, source, { calibration });
    expect(level).toBe('slices');
    expect(columns).toEqual({
      labels,
      patients: rows.map((row) => row.patient),
      yTrue: rows.map((row) => row.yTrue),
      probabilities: rows.map((row) => row.probabilities),
    });
    const expected = [];
    for await (const slices of predictPatients(model, source, { calibration })) expected.push(...slices);
    expect(rows.map(({ patient, slice, probabilities }) => ({ patient, slice, probabilities }))).toEqual(
      expected.map(({ patient, slice, probabilities }) => ({ patient, slice, probabilities })),
    );
    expect(rows.map(({ yTrue }) => yTrue)).toEqual(source.patients.flatMap((p) => source.sliceLabels(p)!));
  });

  it('gives what evaluatePatients scores', async () => {
    const { yTrue, probabilities } = await collectPredictions(model, source);
    const { f2 } = await evaluatePatients(model, source);
    expect(decisionRates(poolCounts(countDecisions(yTrue, probabilities))).fBeta).toBeCloseTo(f2, 6);
  });

  it('of patients, gives the largest of the slices and the labels of the whole', async () => {
    const { level, rows } = await collectPredictions(model, source, { level: 'patients' });
    expect(level).toBe('patients');
    const whole = patientLevel(await collectPredictions(model, source));
    expect(rows).toEqual(
      whole.patients.map((patient, i) => ({
        patient,
        yTrue: patientLabels(source, patient),
        probabilities: whole.probabilities[i],
      })),
    );
  });

  it('needs no labels of slices for a model of patients', async () => {
    const ofPatients = buildCtBrainModel({ ...options, output: 'patient' });
    const { level, rows } = await collectPredictions(ofPatients, onlyPatientLabels(source));
    expect(level).toBe('patients');
    expect(rows.map(({ patient, slice }) => [patient, slice])).toEqual(source.patients.map((p) => [p, undefined])); // prettier-ignore
    await expect(collectPredictions(ofPatients, source, { level: 'slices' })).rejects.toThrow(ArgumentError);
  });

  it('refuses patients without labels before it loads one', async () => {
    const unlabelled: PatientSource = { ...source, sliceLabels: (p) => (p === 'r' ? undefined : source.sliceLabels(p)) }; // prettier-ignore
    const before = source.loaded.length;
    for (const level of ['slices', 'patients'] as const) {
      await expect(collectPredictions(model, unlabelled, { level })).rejects.toThrow(DataError);
    }
    expect(source.loaded).toHaveLength(before);
    const empty = { ...source, patients: [] };
    await expect(collectPredictions(model, empty)).rejects.toThrow(ArgumentError);
    await expect(collectPredictions(model, source, { level: 'x' as 'slices' })).rejects.toThrow(
      ArgumentError,
    );
  });

  it('leaves no tensor behind', async () => {
    await collectPredictions(model, source);
    await expectNoLeakAsync(() => collectPredictions(model, source, { calibration }));
  });
});
