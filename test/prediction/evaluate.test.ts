import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  disposeStack,
  patientLabels,
  type PatientSource,
  type PatientStack,
} from '../../src/data/sources/patient_source';
import type { PatientPrediction, SlicePrediction } from '../../src/data/tables/predictions_table';
import { ArgumentError, DataError, NonFiniteError } from '../../src/base/errors';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import type { Calibration } from '../../src/metrics/calibration';
import { fBetaScore } from '../../src/metrics/f_beta';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { evaluatePatients } from '../../src/prediction/evaluate';
import {
  predictPatientLevel,
  predictPatients,
  type PredictPatientsOptions,
} from '../../src/prediction/predict_patients';
import type { PatientProgress } from '../../src/data/sources/patient_source';
import { predictStack } from '../../src/prediction/predict';
import { expectClose, expectNoLeakAsync } from '../support/matchers';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../support/memory_source';

const source = memorySource({
  patients: ['a', 'b', 'c'],
  slices: (patient) => ({ a: 1, b: 4, c: 3 })[patient]!,
});
const model = buildCtBrainModel({
  variant: 'VGG16 + SDL(GRU)',
  backbone: tinyBackbone(),
  labels: ['a', 'b'],
  seed: 2,
});
/** Thresholds near the untrained model's probabilities, so that both decisions occur. */
const threshold = [0.5, 0.7];
const loss = asymmetricLoss();

async function predictAll(from: PatientSource, options?: PredictPatientsOptions): Promise<SlicePrediction[]> {
  const all: SlicePrediction[] = [];
  for await (const slices of predictPatients(model, from, options)) all.push(...slices);
  return all;
}

/** Labels, probabilities and loss of each patient, by model.predict. */
async function byHand() {
  const results = [];
  for (const patient of source.patients) {
    const stack = await source.load(patient);
    const logits = model.predict(tf.expandDims(stack.images)) as tf.Tensor;
    const labels = tf.expandDims(stack.labels!);
    const [lossValue] = loss(labels, logits).dataSync();
    results.push({ stack, labels, probabilities: tf.sigmoid(logits), loss: lossValue! });
  }
  return results;
}

describe('predictPatients', () => {
  it('gives what model.predict gives, slice by slice', async () => {
    const all = await predictAll(source, { threshold });
    const expected = await byHand();
    expect(all.map(({ patient, slice }) => [patient, slice])).toEqual(
      expected.flatMap(({ stack }) => stack.slices.map((slice) => [stack.patient, slice])),
    );
    const flat = expected.flatMap(({ probabilities }) => [...probabilities.dataSync()]);
    expectClose(
      all.flatMap(({ probabilities }) => probabilities),
      flat,
      1e-6,
    );
    const decisions = flat.map((p, i) => (p >= Math.fround(threshold[i % 2]!) ? 1 : 0));
    expect(all.flatMap((slice) => slice.decisions)).toEqual(decisions);
    expect(new Set(decisions).size).toBe(2);
  });

  it('takes 0.5 for a threshold, and chunks, without a difference', async () => {
    const all = await predictAll(source);
    for (const { probabilities, decisions } of all) {
      expect(decisions).toEqual(probabilities.map((p) => (p >= 0.5 ? 1 : 0)));
    }
    const chunked = await predictAll(source, { chunkSlices: 1 });
    expectClose(
      chunked.flatMap(({ probabilities }) => probabilities),
      all.flatMap(({ probabilities }) => probabilities),
      1e-6,
    );
  });

  it('throws where an output is not finite, naming patient and slice (case 20)', async () => {
    const spoilt = buildCtBrainModel({
      backbone: tinyBackbone(),
      labels: ['a', 'b'],
      variant: 'VGG16',
      seed: 2,
    });
    const weights = spoilt.getWeights();
    weights[weights.length - 1] = tf.tensor1d([0, NaN]);
    spoilt.setWeights(weights);
    const error = await predictPatients(spoilt, source)
      .next()
      .catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect((error as NonFiniteError).location).toEqual({ patient: 'a', slice: 'a_0.png' });
    expect((error as NonFiniteError).message).toBe("the model's output is NaN (patient a, slice a_0.png)");
    await expect(evaluatePatients(spoilt, source)).rejects.toThrow(
      "the model's output is NaN (patient a, slice",
    );
    await expect(predictPatientLevel(spoilt, source).next()).rejects.toThrow(NonFiniteError);
  });

  it('refuses pixels and labels that a source should not give, naming patient and slice', async () => {
    const giving = (change: (stack: PatientStack) => Partial<PatientStack>): PatientSource => ({
      ...source,
      load: async (patient) => {
        const stack = await source.load(patient);
        return patient === 'b' ? { ...stack, ...change(stack) } : stack;
      },
    });
    const pixel = (value: number) =>
      giving(({ images }) => {
        const values = images.dataSync().slice();
        values[2 * 256 + 3 * 16 + 4] = value;
        return { images: tf.tensor4d(values, images.shape) };
      });
    const faults: [PatientSource, typeof DataError | typeof NonFiniteError, string][] = [
      [
        pixel(NaN),
        NonFiniteError,
        'the image has the value NaN at row 3, column 4 (patient b, slice b_2.png)',
      ],
      [
        pixel(200),
        DataError,
        'expected an image of values in 0..1, found 200 at row 3, column 4 (patient b, slice b_2.png)',
      ],
      [
        giving(() => ({ labels: tf.tensor2d([[0, 1], [1, 0], [0, 2], [0, 0]]) })), // prettier-ignore
        DataError,
        'expected 0, 1 or -1 for each of 2 labels, found [0, 2] (patient b, slice b_2.png)',
      ],
    ];
    for (const [faulty, ErrorClass, message] of faults) {
      const tensors = tf.memory().numTensors;
      const scoring = evaluatePatients(model, faulty);
      await expect(scoring).rejects.toThrow(ErrorClass);
      await expect(scoring).rejects.toThrow(message);
      // those that a faulty stack was made of
      expect(tf.memory().numTensors - tensors).toBeLessThanOrEqual(1);
    }
    const larger = memorySource({ patients: ['a'], slices: 2, size: 20 });
    await expect(evaluatePatients(model, larger)).rejects.toThrow(
      'predictStack: images: expected [batch, slices, 16, 16, 1]',
    );
  });

  it('needs no labels', async () => {
    const unlabelled: PatientSource = {
      ...source,
      sliceLabels: () => undefined,
      load: async (patient) => {
        const { labels, ...stack } = await source.load(patient);
        labels!.dispose();
        return stack;
      },
    };
    expect(await predictAll(unlabelled)).toEqual(await predictAll(source));
  });

  it('reports each patient', async () => {
    const progress: PatientProgress[] = [];
    await predictAll(source, { onProgress: (p) => progress.push(p) });
    expect(progress).toEqual([
      { patient: 'a', done: 1, total: 3 },
      { patient: 'b', done: 2, total: 3 },
      { patient: 'c', done: 3, total: 3 },
    ]);
  });

  it('leaks nothing, done, left early or failed', async () => {
    await expectNoLeakAsync(() => predictAll(source));
    await expectNoLeakAsync(async () => {
      for await (const slices of predictPatients(model, source)) if (slices.length > 0) break;
    });
    const failing: [PatientSource, PredictPatientsOptions][] = [
      [source, { threshold: [0.5] }],
      [{ ...source, labels: ['a', 'b', 'c'] }, {}],
      [{ ...source, labels: ['a', 'b', 'c'] }, { threshold: 0.5 }],
    ];
    for (const [from, options] of failing) {
      await expectNoLeakAsync(async () => {
        await expect(predictAll(from, options)).rejects.toThrow(ArgumentError);
      });
    }
  });

  it('refuses a model with another number of outputs', async () => {
    await expect(predictAll({ ...source, labels: ['x', 'y', 'z'] })).rejects.toThrow(
      /predictPatients: model: expected one output for each of the labels x, y, z/,
    );
  });
});

const patientModel = buildCtBrainModel({
  variant: 'VGG16 + SDL(GRU)',
  output: 'patient',
  pooling: 'attention',
  backbone: tinyBackbone(),
  labels: ['a', 'b'],
  seed: 2,
});

async function predictEachPatient(
  of: tf.LayersModel,
  from: PatientSource,
  options?: PredictPatientsOptions,
): Promise<PatientPrediction[]> {
  const all: PatientPrediction[] = [];
  for await (const prediction of predictPatientLevel(of, from, options)) all.push(prediction);
  return all;
}

describe('flips', () => {
  it('reach the model, whoever predicts', async () => {
    const flips = ['horizontal'] as const;
    const [mirrored, plain] = [await predictAll(source, { flips }), await predictAll(source)];
    expect(mirrored).not.toEqual(plain);
    const stack = await source.load('b');
    const logits = predictStack(model, tf.expandDims(stack.images), { flips });
    const ofB = mirrored.filter(({ patient }) => patient === 'b').flatMap((slice) => slice.probabilities);
    expectClose(tf.sigmoid(logits), ofB, 1e-6);
    disposeStack(stack);
    const { loss: withFlips } = await evaluatePatients(model, source, { loss, flips });
    expect(withFlips).not.toBe((await evaluatePatients(model, source, { loss })).loss);
  });
});

describe('predictPatientLevel', () => {
  it('gives what a model of patients says, labels or not', async () => {
    const all = await predictEachPatient(patientModel, source, { threshold });
    expect(all.map(({ patient }) => patient)).toEqual(['a', 'b', 'c']);
    for (const { patient, probabilities, decisions } of all) {
      const stack = await source.load(patient);
      const expected = tf.sigmoid(patientModel.predict(tf.expandDims(stack.images)) as tf.Tensor);
      expectClose(probabilities, expected, 1e-6);
      expect(decisions).toEqual(probabilities.map((p, l) => (p >= Math.fround(threshold[l]!) ? 1 : 0)));
      disposeStack(stack);
    }
    const unlabelled = { ...onlyPatientLabels(source), labelsOf: () => undefined };
    expect(await predictEachPatient(patientModel, unlabelled, { threshold })).toEqual(all);
  });

  it('gives the largest of the slices, of a model of slices', async () => {
    const slices = await predictAll(source, { threshold });
    const all = await predictEachPatient(model, source, { threshold });
    for (const { patient, probabilities, decisions } of all) {
      const own = slices.filter((slice) => slice.patient === patient);
      expect(probabilities).toEqual([0, 1].map((l) => Math.max(...own.map((s) => s.probabilities[l]!))));
      expect(decisions).toEqual([0, 1].map((l) => Math.max(...own.map((s) => s.decisions[l]!))));
    }
  });

  it('reports each patient, refuses what does not fit, and leaks nothing', async () => {
    const progress: PatientProgress[] = [];
    await expectNoLeakAsync(() => predictEachPatient(patientModel, source));
    await predictEachPatient(patientModel, source, { onProgress: (p) => progress.push(p) });
    expect(progress.map(({ patient, done, total }) => `${patient} ${done}/${total}`)).toEqual(['a 1/3', 'b 2/3', 'c 3/3']); // prettier-ignore
    await expect(predictEachPatient(patientModel, { ...source, labels: ['x'] })).rejects.toThrow(
      /predictPatientLevel: model: expected one output for each of the labels x/,
    );
  });

  it('is what predictPatients points to', async () => {
    const slices = predictPatients(patientModel, source);
    await expect(slices.next()).rejects.toThrow(ArgumentError);
    await expect(predictPatients(patientModel, source).next()).rejects.toThrow(
      /logits per slice.*see predictPatientLevel.*received \[null,2\]/,
    );
  });
});

const defined = (values: (number | undefined)[]) => values.map((value) => value!);

describe('evaluatePatients of a model of patients', () => {
  it('scores patients as wholes, whether or not their slices are labelled', async () => {
    const result = await evaluatePatients(patientModel, source, { threshold, loss });
    expect(result).toMatchObject({ level: 'patients', patients: 3, slices: 8 });
    expect(await evaluatePatients(patientModel, onlyPatientLabels(source), { threshold, loss })).toEqual(
      result,
    );
    const all = await predictEachPatient(patientModel, source);
    const labels = tf.tensor2d(source.patients.map((patient) => patientLabels(source, patient)));
    const probabilities = tf.tensor2d(all.map((prediction) => [...prediction.probabilities]));
    const options = { threshold };
    expectClose([result.f2], fBetaScore(labels, probabilities, options), 1e-6);
    expectClose(
      defined(result.f2PerLabel),
      fBetaScore(labels, probabilities, { ...options, average: 'none' }),
      1e-6,
    );
    const logits = tf.log(tf.div(probabilities, tf.sub(1, probabilities)));
    expectClose([result.loss!], loss(labels, logits), 1e-4); // patients weigh alike in either mean
  });

  it('names the patient without labels, and leaks nothing', async () => {
    const unlabelled = { ...onlyPatientLabels(source), labelsOf: () => undefined };
    await expectNoLeakAsync(async () => {
      await expect(evaluatePatients(patientModel, unlabelled)).rejects.toThrow(/no labels \(patient a\)/);
    });
    await expectNoLeakAsync(() => evaluatePatients(patientModel, source, { loss }));
  });
});

describe('evaluatePatients', () => {
  it('equals predictions scored by hand', async () => {
    const result = await evaluatePatients(model, source, { threshold, loss });
    const expected = await byHand();
    const labels = tf.concat(expected.map((patient) => patient.labels), 1); // prettier-ignore
    const probabilities = tf.concat(expected.map((patient) => patient.probabilities), 1); // prettier-ignore
    const options = { threshold };
    expectClose([result.f2], fBetaScore(labels, probabilities, options), 1e-6);
    expectClose(
      defined(result.f2PerLabel),
      fBetaScore(labels, probabilities, { ...options, average: 'none' }),
      1e-6,
    );
    const mean = expected.reduce((sum, patient) => sum + patient.loss, 0) / 3;
    expectClose([result.loss!], [mean], 1e-6);
    expect(result).toMatchObject({ level: 'slices', patients: 3, slices: 8 });
    expect(result.f2).toBeGreaterThan(0);
  });

  it('pools the patients in any order, and has no loss where none is given', async () => {
    const result = await evaluatePatients(model, source, { threshold });
    expect(result.loss).toBeUndefined();
    const reversed = { ...source, patients: ['c', 'b', 'a'] };
    expect(await evaluatePatients(model, reversed, { threshold })).toEqual(result);
  });

  it('leaves entries out that are not labelled', async () => {
    const ignoring = (patient: string): PatientSource => ({
      ...source,
      load: async (which) => {
        const stack = await source.load(which);
        if (which !== patient) return stack;
        stack.labels!.dispose();
        return { ...stack, labels: tf.fill([stack.slices.length, 2], -1) as tf.Tensor2D };
      },
    });
    const { f2, f2PerLabel } = await evaluatePatients(model, ignoring('c'), { threshold });
    const without = await evaluatePatients(model, { ...source, patients: ['a', 'b'] }, { threshold });
    expect({ f2, f2PerLabel }).toEqual({ f2: without.f2, f2PerLabel: without.f2PerLabel });
  });

  it('reports each patient, or not', async () => {
    const progress: PatientProgress[] = [];
    const options = { threshold, loss };
    const result = await evaluatePatients(model, source, { ...options, onProgress: (p) => progress.push(p) });
    expect(progress.map(({ patient, done, total }) => `${patient} ${done}/${total}`)).toEqual(['a 1/3', 'b 2/3', 'c 3/3']); // prettier-ignore
    expect(await evaluatePatients(model, source, options)).toEqual(result);
  });

  it('names the patient without labels', async () => {
    const unlabelled: PatientSource = {
      ...source,
      load: async (patient) => {
        const { labels, ...stack } = await source.load(patient);
        if (patient !== 'b') return { ...stack, labels: labels! };
        labels!.dispose();
        return stack;
      },
    };
    await expectNoLeakAsync(async () => {
      await expect(evaluatePatients(model, unlabelled, { loss })).rejects.toThrow(DataError);
    });
    await expect(evaluatePatients(model, unlabelled)).rejects.toThrow(
      /no labels to evaluate against \(patient b\)/,
    );
  });

  it('refuses a model with another number of outputs, and a source without patients', async () => {
    const other = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone() });
    await expectNoLeakAsync(async () => {
      await expect(evaluatePatients(other, source)).rejects.toThrow(ArgumentError);
    });
    await expect(evaluatePatients(other, source)).rejects.toThrow(
      /evaluatePatients: model: expected one output for each of the labels a, b/,
    );
    await expect(evaluatePatients(model, { ...source, patients: [] })).rejects.toThrow(
      /evaluatePatients: source: expected at least one patient/,
    );
    // who comes twice would count twice
    const [first] = source.patients;
    for (const score of [evaluatePatients, collectPredictions]) {
      await expect(score(model, { ...source, patients: [first!, first!] })).rejects.toThrow(
        `source: patients: expected each patient once, received "${first}"`,
      );
    }
  });

  it('leaks nothing', async () => {
    await expectNoLeakAsync(() => evaluatePatients(model, source, { loss, threshold }));
    await expectNoLeakAsync(async () => {
      const stop = () => {
        throw new Error('enough');
      };
      await expect(evaluatePatients(model, source, { loss, onProgress: stop })).rejects.toThrow('enough');
    });
    await expectNoLeakAsync(async () => disposeStack(await source.load('a')));
  });
});

describe('calibration', () => {
  const calibration: Calibration = { method: 'platt', scale: [2, 0.5], offset: [-0.3, 0.4] };
  const options = { threshold, calibration };
  const logit = (p: number) => Math.log(p / (1 - p));
  const calibrated = (rows: number[][]) =>
    rows.map((row) =>
      row.map((p, l) => 1 / (1 + Math.exp(-(calibration.scale[l]! * logit(p) + calibration.offset[l]!)))),
    );
  const rowsOf = (all: readonly PatientPrediction[]) => all.map(({ probabilities }) => [...probabilities]);

  it('is applied to the logits, before thresholds, of slices and of patients', async () => {
    for (const [before, after] of [
      [await predictAll(source), await predictAll(source, options)],
      [
        await predictEachPatient(patientModel, source),
        await predictEachPatient(patientModel, source, options),
      ],
      [await predictEachPatient(model, source), await predictEachPatient(model, source, options)],
    ] as [PatientPrediction[], PatientPrediction[]][]) {
      expectClose(rowsOf(after).flat(), calibrated(rowsOf(before)).flat(), 1e-5);
      for (const { probabilities, decisions } of after) {
        expect(decisions).toEqual(probabilities.map((p, l) => (p >= Math.fround(threshold[l]!) ? 1 : 0)));
      }
    }
  });

  it('is applied to what is scored, the loss included', async () => {
    const result = await evaluatePatients(model, source, { ...options, loss });
    const labels = tf.concat((await byHand()).map((patient) => patient.labels), 1); // prettier-ignore
    const probabilities = tf.tensor3d([rowsOf(await predictAll(source, options))]);
    expectClose([result.f2], fBetaScore(labels, probabilities, { threshold }), 1e-6);
    const losses = (await byHand()).map(({ labels: y, probabilities: p }) => {
      const z = calibrated(tf.squeeze<tf.Tensor2D>(p, [0]).arraySync()).map((row) => row.map(logit));
      return loss(y, tf.tensor3d([z])).dataSync()[0]!;
    });
    expectClose([result.loss!], [losses.reduce((a, b) => a + b) / 3], 1e-5);
    const plain = await evaluatePatients(model, source, { threshold, loss });
    expect(result.loss).not.toBeCloseTo(plain.loss!, 4);
  });

  it('must fit the labels, and leaks nothing', async () => {
    const wrong: Calibration = { method: 'platt', scale: [1], offset: [0] };
    await expect(predictAll(source, { calibration: wrong })).rejects.toThrow(
      'predictPatients: calibration.scale: expected numbers above 0, one for each of 2 labels',
    );
    await expect(evaluatePatients(model, source, { calibration: wrong })).rejects.toThrow(ArgumentError);
    await expectNoLeakAsync(() => predictAll(source, options));
    await expectNoLeakAsync(() => evaluatePatients(model, source, options));
  });
});
