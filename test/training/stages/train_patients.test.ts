import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { disposeStack, type PatientSource } from '../../../src/data/sources/patient_source';
import { ArgumentError, DataError, NonFiniteError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { evaluatePatients } from '../../../src/prediction/evaluate';
import type { EpochLog, TrainingProgress } from '../../../src/training/stages/stage_log';
import type { TrainingOptions } from '../../../src/training/stages/stage';
import { pretrainBackbone, trainPatients } from '../../../src/training/stages/train_patients';
import { RECOMMENDED_TRAINING } from '../../../src/training/recipes/recommended_training';
import { trivialPredictors } from '../../../src/prediction/trivial_predictors';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../../support/memory_source';

const labels = ['a', 'b'];
const train = memorySource({ patients: ['p1', 'p2', 'p3', 'p4'], slices: (p) => 1 + Number(p[1]) });
const validation = memorySource({ patients: ['v1', 'v2'], slices: 4 });
const model = (options: { batchNorm?: boolean } = {}) =>
  buildCtBrainModel({ variant: 'VGG16 + SDL(GRU)', backbone: tinyBackbone(options), labels, seed: 1 });
const plainModel = (options: { batchNorm?: boolean } = {}) =>
  buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(options), labels, seed: 1 });
const weightsOf = (of: tf.LayersModel) => of.getWeights().map((weight) => [...weight.dataSync()]);
const withoutSeconds = (logs: EpochLog[]) => logs.map(({ seconds: _, ...log }) => log);
/** Has no slope: nothing is learned. */
const constantLoss = (_: tf.Tensor, logits: tf.Tensor) => tf.mul(tf.sum(logits), 0);
const options: TrainingOptions = {
  train,
  validation,
  seed: 1,
  epochs: 2,
  learningRate: 1e-2,
};
const pretrainInSixes: typeof pretrainBackbone = (of, given) =>
  pretrainBackbone(of, { batchSize: 6, ...given });

const stages = [
  ['patients', trainPatients, model, 4],
  ['pretrain', pretrainInSixes, plainModel, 3], // 14 slices in sixes
] as const;

describe.each(stages)('stage %s', (stage, run, build, steps) => {
  it('learns: the loss falls, the validation F2 rises', async () => {
    const trained = build();
    const before = await evaluatePatients(trained, validation, {
      loss: asymmetricLoss(),
      threshold: 'best',
    });
    const history = await run(trained, { ...options, epochs: 12, patience: 12, augment: false });
    const losses = history.map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    const best = Math.max(...history.map(({ validationF2 }) => validationF2));
    expect(best).toBeGreaterThan(0.8);
    expect(best).toBeGreaterThan(before.f2 + 0.05);

    // what is in the model at the end is the best epoch
    const after = await evaluatePatients(trained, validation, { loss: asymmetricLoss(), threshold: 'best' });
    const log = history.filter((epoch) => epoch.best).at(-1)!;
    expect(log.validationF2).toBe(best);
    expect(after.f2).toBe(log.validationF2);
    expect(after.f2PerLabel).toEqual(log.validationF2PerLabel);
    expect(after.loss).toBe(log.validationLoss);
    expect(after.loss!).toBeLessThan(before.loss!);
  });

  it('gives equal weights for equal seeds, others for others', async () => {
    const train2 = async (seed: number) => {
      const trained = build();
      const history = await run(trained, { ...options, seed });
      return { history: withoutSeconds(history), weights: weightsOf(trained) };
    };
    const first = await train2(1);
    expect(await train2(1)).toEqual(first);
    expect((await train2(2)).weights).not.toEqual(first.weights);
  });

  it('reports each step once, with finite numbers', async () => {
    const progress: TrainingProgress[] = [];
    await run(build(), { ...options, onProgress: (step) => progress.push(step) });
    expect(progress.map(({ epoch, step }) => [epoch, step])).toEqual(
      [1, 2].flatMap((epoch) => Array.from({ length: steps }, (_, i) => [epoch, i + 1])),
    );
    for (const step of progress) {
      expect(step).toMatchObject({ stage, epochs: 2, steps });
      expect(Number.isFinite(step.loss)).toBe(true);
      expect(step.f2 >= 0 && step.f2 <= 1).toBe(true);
    }
  });

  it('stops early on scores that do not rise', async () => {
    const history = await run(build(), {
      ...options,
      epochs: 10,
      patience: 2,
      learningRate: 1e-9,
      augment: false,
      // where nothing is found there is no better epoch, and the losses differ by rounding alone
      ...{ threshold: 1, loss: constantLoss },
    });
    // below the trivial predictors no epoch counts against the patience
    expect(history.map(({ best }) => best)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);

    const learnt = build();
    const more = await run(learnt, {
      ...options,
      epochs: 30,
      patience: 2,
      augment: false,
      learningRate: 0.05,
    });
    const last = more.map(({ best }) => best).lastIndexOf(true);
    expect(more).toHaveLength(Math.min(30, last + 1 + 2));
  });

  it('names patient and slice where an image holds NaN, and keeps finite weights (case 20)', async () => {
    const spoilt = async (patient: string, indices: readonly number[]) => {
      const stack = await train.loadSlices!(patient, indices);
      if (patient !== 'p3') return stack;
      stack.images.dispose();
      return { ...stack, images: tf.fill(stack.images.shape, NaN) as tf.Tensor4D };
    };
    const source: PatientSource = {
      ...train,
      loadSlices: spoilt,
      load: (patient) => spoilt(patient, train.sliceNames(patient).map((_, i) => i)), // prettier-ignore
    };
    const trained = build();
    const before = weightsOf(trained);
    const failing = run(trained, { ...options, train: source, augment: false });
    await expect(failing).rejects.toThrow(NonFiniteError);
    await expect(failing).rejects.toThrow(
      /^the image has the value NaN at row 0, column 0 \(patient p3, slice p3_\d\.png\)$/,
    );
    expect(weightsOf(trained)).toEqual(before);
  });

  it('says so where the loss gives NaN, and keeps the best epoch', async () => {
    const trained = build();
    let calls = 0;
    const loss = (yTrue: tf.Tensor, logits: tf.Tensor) => {
      const value = asymmetricLoss()(yTrue, logits);
      // the second epoch's second step; validation counts too
      return ++calls === steps + validation.patients.length + 2 ? tf.mul(value, NaN) : value;
    };
    let first: number[][] = [];
    const failing = run(trained, {
      ...options,
      loss,
      onEpochEnd: () => {
        first = weightsOf(trained);
      },
    });
    await expect(failing).rejects.toThrow(/the loss is NaN in epoch 2, step 2 /);
    expect(first.flat().every(Number.isFinite)).toBe(true);
    expect(weightsOf(trained)).toEqual(first);
  });

  it('leaks nothing over a whole training, with its own Adam or the caller’s', async () => {
    const trained = build();
    const before = tf.memory().numTensors;
    await run(trained, options);
    expect(tf.memory().numTensors).toBe(before);
    const optimizer = tf.train.adam(1e-3);
    await run(trained, { ...options, optimizer, memoryBudget: 1 }); // one slice a chunk
    await run(trained, { ...options, optimizer });
    expect(optimizer.iterations).toBe(4 * steps); // the caller's is used, and still alive
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves no tensor behind when it fails', async () => {
    const trained = build();
    const before = tf.memory().numTensors;
    const unlabelled = async (patient: string) => {
      const { labels: dropped, ...stack } = await train.load(patient);
      dropped!.dispose();
      return stack;
    };
    const source: PatientSource = { ...train, load: unlabelled };
    delete source.loadSlices;
    await expect(run(trained, { ...options, train: source })).rejects.toThrow(DataError);
    await expect(run(trained, { ...options, validation: { ...source, patients: ['p9'] } })).rejects.toThrow(
      DataError,
    );
    const onProgress = () => {
      throw new Error('enough');
    };
    await expect(run(trained, { ...options, onProgress })).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what cannot be a training', async () => {
    const cases: [Partial<TrainingOptions>, RegExp][] = [
      [
        { validation: { ...validation, patients: ['v1', 'p2'] } },
        /validation: expected patients that are not in train, received \["p2"\]/,
      ],
      [{ train: { ...train, patients: [] } }, /train: expected at least one patient/],
      [{ validation: { ...validation, patients: [] } }, /validation: expected at least one patient/],
      [
        { train: { ...train, patients: ['p1', 'p2', 'p1'] } },
        /train: patients: expected each patient once, received "p1"/,
      ],
      [{ seed: 1.5 }, /seed: expected an integer, received 1\.5/],
      [{ learningRate: 0 }, /learningRate: expected a number in \(0, 1\), received 0/],
      [{ learningRate: NaN }, /learningRate: .* received NaN/],
      [{ epochs: 0 }, /epochs: expected a positive integer/],
      [{ patience: 0 }, /patience: expected a positive integer/],
      [
        { validation: { ...validation, labels: ['b', 'a'] } },
        /validation: expected the labels a, b, received \["b","a"\]/,
      ],
      [{ threshold: [0.5] }, /threshold: expected one number for each of 2 labels/],
      [{ augment: { rotation: 500 } }, /rotation: expected degrees in \[0, 180\]/],
    ];
    const trained = build();
    const before = tf.memory().numTensors;
    let calls = 0;
    const onProgress = () => {
      calls++;
    };
    for (const [change, message] of cases) {
      const failing = run(trained, { ...options, ...change, onProgress });
      await expect(failing).rejects.toThrow(ArgumentError);
      await expect(failing).rejects.toThrow(message);
    }
    expect(calls).toBe(0); // said at once, not after an epoch
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('pretrainBackbone', () => {
  it('teaches batch normalisation its statistics, trainPatients leaves them alone', async () => {
    const statistics = (of: tf.LayersModel) =>
      of.nonTrainableWeights.map((weight) => [...weight.read().dataSync()]);
    const first = plainModel({ batchNorm: true });
    const initial = statistics(first);
    expect(initial).toHaveLength(2);
    await pretrainInSixes(first, options);
    expect(statistics(first)).not.toEqual(initial);
    const second = model({ batchNorm: true });
    await trainPatients(second, options);
    expect(statistics(second)).toEqual(initial);
  });

  it('hands its weights on to the model that shares the backbone', async () => {
    const backbone = tinyBackbone();
    const full = buildCtBrainModel({
      variant: 'VGG16 + LRNN',
      backbone,
      labels,
      labelDecoder: { units: 4 },
      seed: 1,
    });
    const stack = await validation.load('v1');
    const images = tf.expandDims(stack.images);
    const before = [...(full.predict(images) as tf.Tensor).dataSync()];
    await pretrainInSixes(buildCtBrainModel({ variant: 'VGG16', backbone, labels, seed: 1 }), options);
    expect([...(full.predict(images) as tf.Tensor).dataSync()]).not.toEqual(before);
    disposeStack(stack);
  });

  it('refuses a batch size that is no positive integer', async () => {
    for (const batchSize of [0, 1.5, NaN]) {
      await expect(pretrainBackbone(plainModel(), { ...options, batchSize })).rejects.toThrow(
        /pretrainBackbone: batchSize: expected a positive integer/,
      );
    }
  });
});

describe.each(['max', 'attention'] as const)(
  'trainPatients on labels of patients, pooled by %s',
  (pooling) => {
    const study = (name: string, patients: number) =>
      onlyPatientLabels(
        memorySource({
          patients: Array.from({ length: patients }, (_, i) => `${name}${i}`),
          slices: (patient) => 2 + (Number(patient.slice(1)) % 3),
          prevalence: 0.15,
        }),
      );
    const patientModel = () =>
      buildCtBrainModel({
        variant: 'VGG16 + SDL(GRU)',
        output: 'patient',
        pooling,
        backbone: tinyBackbone(),
        labels,
        seed: 1,
      });

    it('learns more than predictors that look at no image', async () => {
      const [learnt, held] = [study('t', 24), study('v', 16)];
      const [allPositive, frequency] = trivialPredictors(learnt, held, 1, 'patients');
      const trained = patientModel();
      const history = await trainPatients(trained, {
        train: learnt,
        validation: held,
        seed: 1,
        epochs: 7,
        patience: 7,
        learningRate: 1e-2,
        augment: false,
      });
      expect(history.at(-1)!.loss).toBeLessThan(0.5 * history[0]!.loss);
      const { f2, level } = await evaluatePatients(trained, held, { threshold: 'best' });
      expect(level).toBe('patients');
      expect(f2).toBe(Math.max(...history.map(({ validationF2 }) => validationF2)));
      expect(f2).toBeGreaterThan(Math.max(allPositive!.f2, frequency!.f2) + 0.1);
    });

    it('gives equal weights for equal seeds, and leaks nothing', async () => {
      const small = {
        train: study('t', 3),
        validation: study('v', 1),
        seed: 1,
        epochs: 1,
        learningRate: 1e-2,
      };
      const run = async () => {
        const trained = patientModel();
        const before = tf.memory().numTensors;
        await trainPatients(trained, small);
        expect(tf.memory().numTensors).toBe(before);
        return weightsOf(trained);
      };
      expect(await run()).toEqual(await run());
    });

    it('is not for the stage on single slices', async () => {
      await expect(pretrainBackbone(patientModel(), options)).rejects.toThrow(
        /pretrainBackbone: model: expected a model with logits per slice/,
      );
    });
  },
);

describe('trainPatients with what the best systems do', () => {
  it('learns with reversed stacks and a supervised slice classifier', async () => {
    const trained = buildCtBrainModel({
      ...{ sliceDependency: { numLayers: 2, residual: true }, sliceDifferences: true, sliceClassifier: true },
      ...{ backbone: tinyBackbone(), labels, seed: 1 },
    });
    const history = await trainPatients(trained, {
      ...{ train, validation, seed: 1, epochs: 8, patience: 8, learningRate: 1e-2, augment: false },
      augmentSequence: { reverse: 0.5, keep: [0.5, 1] },
      sliceClassifierWeight: 0.5,
    });
    expect(history.at(-1)!.loss).toBeLessThan(0.5 * history[0]!.loss);
  });

  it.each([
    ['augmentSequence', { augmentSequence: { reverse: 1 } }],
    ['sliceClassifierWeight', { sliceClassifierWeight: 5 }],
  ])('takes other steps for %s', async (_, more) => {
    const weightsAfter = async (extra: object) => {
      const trained = buildCtBrainModel({
        ...{ sliceClassifier: true, backbone: tinyBackbone(), labels, seed: 1 },
      });
      const { epochs, learningRate } = { epochs: 1, learningRate: 1e-2 };
      await trainPatients(trained, {
        train,
        validation,
        seed: 1,
        epochs,
        learningRate,
        augment: false,
        ...extra,
      });
      return weightsOf(trained);
    };
    expect(await weightsAfter({})).toEqual(await weightsAfter({}));
    expect(await weightsAfter(more)).not.toEqual(await weightsAfter({}));
  });

  it('trains the recommended arrangement with what goes with it', async () => {
    const trained = buildCtBrainModel({ variant: 'recommended', backbone: tinyBackbone(), labels, seed: 1 });
    const history = await trainPatients(trained, {
      ...{ train, validation, seed: 1, epochs: 8, patience: 8, learningRate: 1e-2, augment: false },
      ...RECOMMENDED_TRAINING,
    });
    expect(history.at(-1)!.loss).toBeLessThan(0.5 * history[0]!.loss);
  });

  it('refuses slices left out where the label is of the patient, and ranges that are none', async () => {
    const ofPatients = buildCtBrainModel({ output: 'patient', backbone: tinyBackbone(), labels, seed: 1 });
    const run = (augmentSequence: object, of = ofPatients) =>
      trainPatients(of, { train, validation, seed: 1, epochs: 1, augmentSequence });
    await expect(run({ keep: [0.5, 1] })).rejects.toThrow(/patient-level model/);
    await expect(run({ keep: [0, 1] }, model())).rejects.toThrow(/0 < min/);
    await expect(run({ reverse: 2 }, model())).rejects.toThrow(/probability/);
    await expect(run({ revers: 1 }, model())).rejects.toThrow(/revers/);
  });
});
