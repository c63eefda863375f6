import * as tf from '@tensorflow/tfjs';
import { describe, expect, it, vi } from 'vitest';
import { ArgumentError, NonFiniteError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { Evaluation } from '../../../src/prediction/evaluate';
import { fitStage } from '../../../src/training/stages/fit_stage';
import type { EpochLog, StageState, TrainingProgress } from '../../../src/training/stages/stage_log';
import type { FitStageOptions, TrainingBatch } from '../../../src/training/stages/fit_options';
import { computeGradients } from '../../../src/training/steps/train_step';
import { RunningScore } from '../../../src/training/stages/running_score';
import { tinyBackbone } from '../../support/memory_source';

const buildModel = () =>
  buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels: ['a', 'b'], seed: 1 });
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);

/** Two batches per epoch, each epoch its own. */
async function* batches(epoch: number): AsyncGenerator<TrainingBatch> {
  for (const step of [1, 2]) {
    yield {
      name: `patient p${step}`,
      images: tf.randomUniform([1, 2, 16, 16, 1], 0, 1, 'float32', 10 * epoch + step),
      labels: tf.tensor3d([[[1, 0], [0, 1]]]), // prettier-ignore
    };
  }
}

const evaluation = (f2: number): Evaluation => ({
  level: 'slices',
  f2,
  f2PerLabel: [f2, f2],
  threshold: 0.5,
  loss: 1,
  patients: 1,
  slices: 1,
});

/** Options whose validation gives these scores, one per epoch. */
function options(
  model: tf.LayersModel,
  scores: number[],
  optimizer: tf.Optimizer = tf.train.sgd(0.1),
): FitStageOptions {
  let epoch = 0;
  return {
    stage: 'stage',
    model,
    optimizer,
    loss: asymmetricLoss(),
    epochs: scores.length,
    patience: 2,
    steps: 2,
    batches,
    validate: async () => evaluation(scores[epoch++]!),
  };
}

describe('fitStage', () => {
  it('stops early and leaves the best epoch in the model', async () => {
    const model = buildModel();
    const weights: number[][][] = [];
    const logs: EpochLog[] = [];
    const history = await fitStage({
      ...options(model, [0.1, 0.3, 0.3, 0.2, 0.9]),
      onEpochEnd: (log) => {
        logs.push(log);
        weights.push(weightsOf(model));
      },
    });
    expect(history).toEqual(logs);
    expect(history.map(({ epoch, validationF2, best }) => [epoch, validationF2, best])).toEqual([
      [1, 0.1, true],
      [2, 0.3, true],
      [3, 0.3, false], // a tie is no progress
      [4, 0.2, false],
    ]);
    expect(weightsOf(model)).toEqual(weights[1]);
    expect(new Set(weights.map((epoch) => JSON.stringify(epoch))).size).toBe(4);
  });

  it.each([
    [1, [0.9, 0.1, 0.2], [false, true, true]],
    [2, [0.9, 0.8, 0.1], [false, false, true]],
    [9, [0.9, 0.8, 0.1], [false, false, true]], // the last epoch may always be the best
  ])('waits %i epochs before one may be the best', async (startFromEpoch, scores, best) => {
    const model = buildModel();
    let last: number[][] = [];
    const onEpochEnd = () => void (last = weightsOf(model));
    const history = await fitStage({ ...options(model, scores), startFromEpoch, onEpochEnd });
    expect(history.map((log) => log.best)).toEqual(best);
    expect(weightsOf(model)).toEqual(last);
  });

  it('trains all epochs while the score rises', async () => {
    const model = buildModel();
    let last: number[][] = [];
    const history = await fitStage({
      ...options(model, [0.1, 0.2, 0.3]),
      patience: 1,
      onEpochEnd: () => {
        last = weightsOf(model);
      },
    });
    expect(history).toHaveLength(3);
    expect(weightsOf(model)).toEqual(last);
  });

  it('logs plain data: losses, scores and times', async () => {
    const [log] = await fitStage(options(buildModel(), [0.25]));
    expect(JSON.parse(JSON.stringify(log))).toEqual(log);
    expect(log).toMatchObject({
      stage: 'stage',
      epoch: 1,
      validationLoss: 1,
      validationF2: 0.25,
      validationThreshold: 0.5,
      validationF2PerLabel: [0.25, 0.25],
      best: true,
    });
    for (const value of [log!.loss, log!.f2, log!.seconds]) expect(Number.isFinite(value)).toBe(true);
    const { loss: _, ...withoutLoss } = evaluation(0.25);
    const [unknown] = await fitStage({ ...options(buildModel(), [0]), validate: async () => withoutLoss });
    expect(unknown!.validationLoss).toBeNull();
  });

  it('reports every step, with means over the epoch so far', async () => {
    const steps: TrainingProgress[] = [];
    const history = await fitStage({
      ...options(buildModel(), [0.1, 0.2]),
      onProgress: (progress) => steps.push(progress),
    });
    expect(
      steps.map(({ stage, epoch, epochs, step, steps: all }) => [stage, epoch, epochs, step, all]),
    ).toEqual([
      ['stage', 1, 2, 1, 2],
      ['stage', 1, 2, 2, 2],
      ['stage', 2, 2, 1, 2],
      ['stage', 2, 2, 2, 2],
    ]);
    for (const { loss, f2 } of steps) {
      expect(loss).toBeGreaterThan(0);
      expect(f2 >= 0 && f2 <= 1).toBe(true);
    }
    // the epoch's last report is what its log says
    expect([steps[1]!, steps[3]!].map(({ loss, f2 }) => [loss, f2])).toEqual(
      history.map(({ loss, f2 }) => [loss, f2]),
    );
  });

  it('does not read the running F2 back at every step', async () => {
    const twelve = async function* (epoch: number) {
      for (let part = 0; part < 6; part++) yield* batches(6 * epoch + part);
    };
    const result = vi.spyOn(RunningScore.prototype, 'read');
    const clock = vi.spyOn(Date, 'now').mockReturnValue(0);
    const steps: TrainingProgress[] = [];
    const once = () => ({ ...options(buildModel(), [0.1]), steps: 12, batches: twelve });
    const [log] = await fitStage({ ...once(), onProgress: (progress) => steps.push(progress) });
    expect(steps).toHaveLength(12);
    expect(result).toHaveBeenCalledTimes(3); // first step, last step, log
    expect(steps[11]!.f2).toBe(log!.f2);
    expect(new Set(steps.slice(0, 11).map(({ f2 }) => f2)).size).toBe(1);

    result.mockClear();
    let now = 0;
    clock.mockImplementation(() => (now += 1000));
    await fitStage({ ...once(), onProgress: () => 0 });
    expect(result).toHaveBeenCalledTimes(13); // the display moves where steps are slow

    result.mockClear();
    await fitStage(options(buildModel(), [0.1]));
    expect(result).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });

  it('goes on where it was interrupted', async () => {
    const scores = [0.3, 0.1, 0.4, 0.2, 0.1, 0.9];
    const whole = buildModel();
    const wholeHistory = await fitStage(options(whole, scores));
    expect(wholeHistory).toHaveLength(5);

    const part = buildModel();
    let state: StageState | undefined;
    let bestWeights: tf.Tensor[] = [];
    let lastWeights: tf.Tensor[] = [];
    await fitStage({
      ...options(part, scores.slice(0, 2)),
      onEpochEnd: (log, now) => {
        state = JSON.parse(JSON.stringify(now)) as StageState;
        lastWeights = part.getWeights().map((weight) => weight.clone());
        if (log.best) bestWeights = part.getWeights().map((weight) => weight.clone());
      },
    });
    const rest = buildModel();
    rest.setWeights(lastWeights);
    const history = await fitStage({
      ...options(rest, scores.slice(2)),
      epochs: 6,
      resume: state!,
      bestWeights,
    });
    const plain = (logs: EpochLog[]) => logs.map(({ seconds: _, ...log }) => log);
    expect(plain(history)).toEqual(plain(wholeHistory));
    expect(weightsOf(rest)).toEqual(weightsOf(whole));
    expect(state!.history).toHaveLength(2); // what was given is not changed

    // one that had already stopped trains nothing more and keeps the best
    const stopped = buildModel();
    stopped.setWeights(lastWeights);
    const before = { stopping: { bestEpoch: 1, best: 0.3, bestLoss: 1, epoch: 3 }, history: [] };
    await fitStage({ ...options(stopped, []), epochs: 6, resume: before, bestWeights });
    expect(weightsOf(stopped)).toEqual(bestWeights.map((weight) => [...weight.dataSync()]));
  });

  it('says which epoch, batch and slice gave a value that is not finite, and keeps the best epoch', async () => {
    const model = buildModel();
    let best: number[][] = [];
    const run = fitStage({
      ...options(model, [0.5, 0.4, 0.3]),
      batches: async function* (epoch) {
        for await (const batch of batches(epoch)) {
          if (epoch < 2 || batch.name === 'patient p1') {
            yield batch;
            continue;
          }
          batch.images.dispose();
          yield { ...batch, images: tf.fill([1, 2, 16, 16, 1], NaN) };
        }
      },
      onEpochEnd: () => {
        best = weightsOf(model);
      },
    });
    await expect(run).rejects.toThrow(NonFiniteError);
    await expect(run).rejects.toThrow(
      /^stage: trainStep: images: the value NaN at row 0, .* slice 1 of 2 is not finite in epoch 2, step 2 \(patient p2\); lower the learning rate/,
    );
    expect(weightsOf(model)).toEqual(best);
    expect(best.flat().every(Number.isFinite)).toBe(true);
  });

  it('puts back the weights it came with when the first epoch fails', async () => {
    const model = buildModel();
    const before = weightsOf(model);
    const nan = (_: tf.Tensor, logits: tf.Tensor) => tf.mul(tf.mean(logits), NaN);
    await expect(fitStage({ ...options(model, [0.5]), loss: nan })).rejects.toThrow(
      /loss is NaN in epoch 1, step 1/,
    );
    expect(weightsOf(model)).toEqual(before);

    const infinite = (_: tf.Tensor, logits: tf.Tensor) => tf.div(tf.mean(tf.abs(logits)), 0);
    await expect(fitStage({ ...options(model, [0.5]), loss: infinite })).rejects.toThrow(/loss is Infinity/);
    expect(weightsOf(model)).toEqual(before);

    await expect(fitStage(options(model, [NaN]))).rejects.toThrow(
      new NonFiniteError('stage: the validation of epoch 1 gives NaN'),
    );
    expect(weightsOf(model)).toEqual(before);
  });

  it('takes one step with the mean of several batches where it accumulates', async () => {
    const [model, byHand] = [buildModel(), buildModel()];
    await fitStage({ ...options(model, [0.5]), accumulate: 2 });
    const parts: tf.NamedTensorMap[] = [];
    for await (const { images, labels } of batches(1)) {
      parts.push(computeGradients(byHand, images, labels, { loss: asymmetricLoss() }).gradients);
    }
    const [one, two] = parts as [tf.NamedTensorMap, tf.NamedTensorMap];
    const mean = Object.entries(one).map(([name, g]) => [name, tf.div(tf.add(g, two[name]!), 2)]);
    tf.train.sgd(0.1).applyGradients(Object.fromEntries(mean) as tf.NamedTensorMap);
    const expected = weightsOf(byHand).flat();
    weightsOf(model).flat().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6)); // prettier-ignore
  });

  it('keeps the weights it came with where no epoch reaches their score', async () => {
    const model = buildModel();
    const before = weightsOf(model);
    const history = await fitStage({ ...options(model, [0.4, 0.5, 0.45]), initial: { f2: 0.6, loss: 1 } });
    expect(history.map(({ best }) => best)).toEqual([false, false]); // and patience counts from the start
    expect(weightsOf(model)).toEqual(before);
    const better = await fitStage({ ...options(model, [0.4, 0.7]), initial: { f2: 0.6, loss: 1 } });
    expect(better.map(({ best }) => best)).toEqual([false, true]);
    expect(weightsOf(model)).not.toEqual(before);
  });

  it('refuses epochs without batches, and bad numbers', async () => {
    const none: FitStageOptions['batches'] = async function* () {
      // nothing
    };
    await expect(fitStage({ ...options(buildModel(), [1]), batches: none })).rejects.toThrow(
      /stage: batches: expected at least one batch per epoch/,
    );
    const bads = [
      ...[
        { epochs: 0 },
        { epochs: 1.5 },
        { patience: 0 },
        { clipNorm: 0 },
        { weightDecay: -1 },
        { accumulate: 0 },
      ],
      ...[{ accumulate: 2, checkpointSteps: 3 }, { warmupEpochs: -1 }, { decay: 'linear' as never }],
      ...[{ averageEpochs: 2, onCheckpoint: () => undefined }, { backboneRate: NaN }],
    ];
    for (const bad of bads) {
      await expect(fitStage({ ...options(buildModel(), [1]), ...bad })).rejects.toThrow(ArgumentError);
    }
  });

  it('disposes of the batch on which the loss throws', async () => {
    const seen: TrainingBatch[] = [];
    const run = fitStage({
      ...options(buildModel(), [0.1]),
      batches: async function* () {
        for await (const batch of batches(1)) {
          seen.push(batch);
          yield batch;
        }
      },
      loss: () => {
        throw new Error('boom');
      },
    });
    await expect(run).rejects.toThrow('boom');
    expect(seen.map(({ images, labels }) => [images.isDisposed, labels.isDisposed])).toEqual([[true, true]]);
  });

  it('leaks nothing, however it ends', async () => {
    const model = buildModel();
    const boom = () => {
      throw new Error('boom');
    };
    const endings: Record<string, Partial<FitStageOptions>> = {
      done: {},
      'a loss that is not finite': { loss: (_, logits) => tf.mul(tf.mean(logits), NaN) },
      'a progress that throws': { onProgress: boom },
      'a validation that throws': { validate: boom },
      'a checkpoint that throws': { onEpochEnd: boom },
      'labels of another shape': {
        batches: async function* () {
          for await (const batch of batches(1)) {
            batch.labels.dispose();
            yield { ...batch, labels: tf.zeros([1, 3, 2]) };
          }
        },
      },
    };
    for (const [name, change] of Object.entries(endings)) {
      const before = tf.memory().numTensors;
      const optimizer = tf.train.adam(1e-3);
      const run = fitStage({ ...options(model, [0.1, 0.2], optimizer), ...change });
      await run.catch(() => undefined);
      optimizer.dispose();
      expect(tf.memory().numTensors - before, name).toBe(0);
    }
  });
});

it('gives the rest of the page its turn after each batch, without a frame being drawn', async () => {
  const turns: string[] = [];
  let step = 0;
  async function* blocking(epoch: number) {
    for await (const batch of batches(epoch)) {
      setTimeout(() => turns.push(`after ${step}`), 0);
      step++;
      yield batch;
    }
  }
  const nextFrame = vi.spyOn(globalThis, 'setImmediate'); // what tf.nextFrame waits for in Node
  try {
    await fitStage({ ...options(buildModel(), [0.5]), batches: blocking });
    expect(nextFrame).not.toHaveBeenCalled();
    expect(turns.length).toBeGreaterThanOrEqual(1);
    expect(turns[0]).toBe('after 1');
  } finally {
    nextFrame.mockRestore();
  }
});
