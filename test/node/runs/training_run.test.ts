import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError, CheckpointError, NonFiniteError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { loadCheckpoint } from '../../../src/node/runs/checkpoint';
import { LOCK_FILE } from '../../../src/node/runs/run_lock';
import { readTrainingHistory } from '../../../src/node/runs/training_history';
import { openTrainingRun, type TrainingRunOptions } from '../../../src/node/runs/training_run';
import type { EpochLog } from '../../../src/training/stages/stage_log';
import type { TrainingOptions } from '../../../src/training/stages/stage';
import { pretrainBackbone, trainPatients } from '../../../src/training/stages/train_patients';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { memorySource, tinyBackbone } from '../../support/memory_source';
import { temporaryFolder } from '../../support/folder';

const labels = ['a', 'b'];
const train = memorySource({ patients: ['p1', 'p2', 'p3'], slices: 3 });
const validation = memorySource({ patients: ['v1'], slices: 4 });
const description = { labels, preprocessing: createPreprocessing({ imageSize: [16, 16] }) };
const config = { seed: 1, patience: 9, pretrain: { epochs: 2, learningRate: 0.01 }, patients: { epochs: 4 } };
const build = (variant: 'VGG16' | 'VGG16 + SDL(GRU)' = 'VGG16 + SDL(GRU)') =>
  buildCtBrainModel({ variant, backbone: tinyBackbone({ batchNorm: true }), labels, seed: 1 });
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const withoutSeconds = (logs: EpochLog[]) => logs.map(({ seconds: _, ...log }) => log);
const kill = () => {
  throw new Error('killed');
};

interface StageOptions extends Partial<TrainingOptions> {
  name?: 'pretrain' | 'patients';
  open?: Partial<TrainingRunOptions>;
  /** Called after an epoch's files are written. */
  afterEpoch?: (log: EpochLog) => void;
}

/** Trains one stage into the folder, as a new process would: with a model built anew. */
async function trainInto(folder: string, options: StageOptions = {}) {
  const { name = 'patients', open, afterEpoch, ...training } = options;
  const run = await openTrainingRun(folder, { config, ...open });
  const model = build(name === 'pretrain' ? 'VGG16' : undefined);
  const stage = await run.stage(name, {
    model,
    learningRate: 1e-2,
    description,
    best: name === 'pretrain' ? 'pretrained' : 'best',
    ...(afterEpoch && { onEpochEnd: afterEpoch }),
  });
  try {
    const fitOptions = { train, validation, seed: 1, epochs: 4, patience: 9, ...training, ...stage };
    const history =
      name === 'pretrain'
        ? await pretrainBackbone(model, { ...fitOptions, batchSize: 4 })
        : await trainPatients(model, fitOptions);
    return { run, model, history: withoutSeconds(history), weights: weightsOf(model) };
  } finally {
    stage.dispose();
    await run.close();
  }
}
const wholes = new Map<string, Awaited<ReturnType<typeof trainInto>>>();
/** What a training comes to that is never interrupted. */
async function uninterrupted(name: 'pretrain' | 'patients' = 'patients') {
  const known = wholes.get(name) ?? (await trainInto(await runFolder(), { name }));
  wholes.set(name, known);
  return known;
}
const runFolder = async () => path.join(await temporaryFolder(), 'runs', 'first');

describe('openTrainingRun', () => {
  it('makes the folder and keeps the configuration', async () => {
    const folder = await runFolder();
    const run = await openTrainingRun(folder, { config });
    expect(await readdir(folder)).toEqual(['config.json', LOCK_FILE]);
    expect(JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'))).toEqual(config);
    expect(run.folder).toBe(folder);
    expect(run.interruptedStage).toBeUndefined();
    expect(run.history).toEqual([]);
  });

  it('refuses a folder in use, and leaves it as it was', async () => {
    const folder = await temporaryFolder({ 'notes.txt': 'mine' });
    await expect(openTrainingRun(folder, { config })).rejects.toThrow(CheckpointError);
    await expect(openTrainingRun(folder, { config })).rejects.toThrow(
      /expected a new or empty folder, found 1 entries; use resume to continue a run/,
    );
    await expect(openTrainingRun(folder, { config, resume: true })).rejects.toThrow(
      /config\.json: expected the configuration of the run to resume/,
    );
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it('takes an empty folder, and with resume a run that never finished an epoch', async () => {
    const folder = await temporaryFolder();
    await openTrainingRun(folder, { config });
    const run = await openTrainingRun(folder, { config, resume: true });
    expect(run.interruptedStage).toBeUndefined();
    await openTrainingRun(path.join(folder, 'new'), { config, resume: true });
    expect(await readdir(path.join(folder, 'new'))).toEqual(['config.json', LOCK_FILE]);
  });

  it.each<[string, Record<string, unknown>, string | undefined]>([
    ['the same', { ...config }, undefined],
    ['keys in another order', Object.fromEntries(Object.entries(config).reverse()), undefined],
    ['patience', { ...config, patience: 3 }, undefined],
    [
      'epochs of both stages',
      { ...config, pretrain: { ...config.pretrain, epochs: 9 }, patients: { epochs: 9 } },
      undefined,
    ],
    ['another seed', { ...config, seed: 2 }, 'seed'],
    [
      'another rate inside a stage',
      { ...config, pretrain: { ...config.pretrain, learningRate: 0.1 } },
      'pretrain.learningRate',
    ],
    ['a setting more', { ...config, augment: { rotation: 10 } }, 'augment'],
    ['a setting less', { seed: 1, patience: 9, pretrain: config.pretrain }, 'patients'],
    ['several', { ...config, seed: '1', patients: { epochs: 4, rate: 1 } }, 'seed, patients.rate'],
    ['a list for a record', { ...config, patients: [4] }, 'patients'],
  ])('resuming with %s', async (_, other, differing) => {
    const folder = await temporaryFolder();
    await openTrainingRun(folder, { config });
    const resuming = openTrainingRun(folder, { config: other, resume: true });
    const kept = async () => JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as unknown;
    if (differing === undefined) {
      await resuming;
      expect(await kept()).toEqual(other);
    } else {
      await expect(resuming).rejects.toThrow(CheckpointError);
      await expect(resuming).rejects.toThrow(
        new RegExp(`the run to resume has another ${differing.replaceAll('.', '\\.')}$`),
      );
      expect(await kept()).toEqual(config);
    }
  });

  it('lets only those settings differ that it is told', async () => {
    const folder = await temporaryFolder();
    await openTrainingRun(folder, { config });
    const options = { resume: true, mayDiffer: ['seed'] };
    await openTrainingRun(folder, { config: { ...config, seed: 2 }, ...options });
    await expect(openTrainingRun(folder, { config: { ...config, patience: 2 }, ...options })).rejects.toThrow(
      /has another patience$/, // seed 2 is what it was resumed with
    );
  });

  it('says so where the state of the run is broken', async () => {
    const folder = await runFolder();
    await trainInto(folder, { epochs: 1 });
    const state = path.join(folder, 'last', 'state.json');
    await writeFile(state, '{"stage":');
    await expect(openTrainingRun(folder, { config, resume: true })).rejects.toThrow(CheckpointError);
    await rm(state);
    await expect(openTrainingRun(folder, { config, resume: true })).rejects.toThrow(
      /state\.json cannot be read/,
    );
  });
});

describe('TrainingRun', () => {
  it('writes best, last, the history and nothing else', async () => {
    const folder = await runFolder();
    const { run, history, weights } = await trainInto(folder);
    expect((await readdir(folder)).sort()).toEqual(['best', 'config.json', 'history.csv', 'last']);
    const { model, manifest } = await loadCheckpoint(folder);
    expect(weightsOf(model)).toEqual(weights); // the model ends with the best epoch's
    const best = history.filter((log) => log.best).at(-1)!;
    expect(manifest.training).toEqual({
      stage: 'patients',
      epoch: best.epoch,
      validationF2: best.validationF2,
    });
    const last = await loadCheckpoint(path.join(folder, 'last'));
    expect(last.manifest.training).toMatchObject({ stage: 'patients', epoch: 4 });
    expect(withoutSeconds(run.history)).toEqual(history);
    expect(run.interruptedStage).toBe('patients');
  });

  it('keeps the history as a table', async () => {
    const folder = await runFolder();
    const { run } = await trainInto(folder, { epochs: 2 });
    const [header, ...rows] = (await readFile(path.join(folder, 'history.csv'), 'utf8'))
      .trimEnd()
      .split('\n');
    expect(header).toBe(
      'stage,epoch,loss,f2,validation_loss,validation_f2,validation_threshold,validation_f2_a,validation_f2_b,best,seconds',
    );
    expect(rows.map((row) => row.split(','))).toEqual(
      run.history.map((log) =>
        [
          log.stage,
          log.epoch,
          log.loss,
          log.f2,
          log.validationLoss!,
          log.validationF2,
          log.validationThreshold!,
          ...log.validationF2PerLabel,
          log.best ? 1 : 0,
          log.seconds,
        ].map(String),
      ),
    );
    expect(rows).toHaveLength(2);
  });

  it.each(['pretrain', 'patients'] as const)(
    'goes on in stage %s, wherever it was interrupted, as if it never was',
    async (name) => {
      const whole = await uninterrupted(name);
      const interruptions: [string, StageOptions][] = [
        ['in the first epoch', { onProgress: ({ step }) => step === 2 && kill() }],
        ['after the first epoch', { afterEpoch: () => kill() }],
        ['in the third epoch', { onProgress: ({ epoch }) => epoch === 3 && kill() }],
        ['at the end', {}],
      ];
      for (const [when, interruption] of interruptions) {
        const folder = await runFolder();
        const killed = trainInto(folder, { name, ...interruption });
        if (when === 'at the end') await killed;
        else await expect(killed).rejects.toThrow('killed');
        const resumed = await trainInto(folder, { name, open: { resume: true } });
        expect(resumed.history, when).toEqual(whole.history);
        expect(resumed.weights, when).toEqual(whole.weights);
        const { model } = await loadCheckpoint(
          path.join(folder, name === 'pretrain' ? 'pretrained' : 'best'),
        );
        expect(weightsOf(model), when).toEqual(whole.weights);
      }
    },
  );

  it('goes on with more epochs', async () => {
    const whole = await uninterrupted();
    const folder = await runFolder();
    await trainInto(folder, { epochs: 2 });
    const more = { ...config, patients: { epochs: 9 } };
    const resumed = await trainInto(folder, { open: { resume: true, config: more } });
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.weights).toEqual(whole.weights);
  });

  it('survives a crash between writing best and last', async () => {
    const whole = await uninterrupted();
    const folder = await runFolder();
    const older = path.join(await temporaryFolder(), 'last');
    await trainInto(folder, { epochs: 1 });
    await cp(path.join(folder, 'last'), older, { recursive: true });
    await trainInto(folder, { epochs: 2, open: { resume: true } });
    await rm(path.join(folder, 'last'), { recursive: true });
    await cp(older, path.join(folder, 'last'), { recursive: true });
    const resumed = await trainInto(folder, { open: { resume: true } });
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.weights).toEqual(whole.weights);
  });

  it('keeps the last good epoch on disk when the loss stops being finite', async () => {
    const folder = await runFolder();
    let poisoned = false;
    const failing = trainInto(folder, {
      loss: (yTrue, logits) => {
        const value = asymmetricLoss()(yTrue, logits);
        return poisoned ? tf.mul(value, NaN) : value;
      },
      onProgress: ({ epoch, step }) => {
        poisoned = epoch === 3 && step === 2;
      },
    });
    await expect(failing).rejects.toThrow(NonFiniteError);
    await expect(failing).rejects.toThrow(/patients: the loss is NaN in epoch 3, step 3 \(patient p\d\)/);
    for (const which of ['last', 'best']) {
      const { model, manifest } = await loadCheckpoint(path.join(folder, which));
      expect(manifest.training!.epoch).toBeLessThanOrEqual(2);
      expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
    }
    const whole = await uninterrupted();
    const resumed = await trainInto(folder, { open: { resume: true } });
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.weights).toEqual(whole.weights);
  });

  it('keeps earlier stages in the history, and starts a stage anew that was not interrupted', async () => {
    const folder = await runFolder();
    const first = await trainInto(folder, { name: 'pretrain', epochs: 2 });
    const second = await trainInto(folder, { epochs: 1, open: { resume: true } });
    expect(second.history).toHaveLength(1);
    expect(withoutSeconds(second.run.history)).toEqual([...first.history, ...second.history]);
    const resumed = await trainInto(folder, { epochs: 2, open: { resume: true } });
    expect(resumed.run.history.map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual([
      'pretrain 1',
      'pretrain 2',
      'patients 1',
      'patients 2',
    ]);
    expect((await readdir(folder)).sort()).toEqual([
      'best',
      'config.json',
      'history.csv',
      'last',
      'pretrained',
    ]);
  });

  it('refuses to resume into another model', async () => {
    const folder = await runFolder();
    await trainInto(folder, { epochs: 1 });
    const run = await openTrainingRun(folder, { config, resume: true });
    const before = tf.memory().numTensors;
    const model = build('VGG16');
    await expect(
      run.stage('patients', { model, learningRate: 1e-2, description, best: 'best' }),
    ).rejects.toThrow(/best is of another model: /);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a folder name for the best that is taken or leads elsewhere', async () => {
    const run = await openTrainingRun(await runFolder(), { config });
    for (const best of ['last', '../best', '', 'a/b']) {
      await expect(
        run.stage('patients', { model: build(), learningRate: 1e-2, description, best }),
      ).rejects.toThrow(ArgumentError);
    }
  });

  it('leaks nothing', async () => {
    const folder = await runFolder();
    const before = tf.memory().numTensors;
    const first = await trainInto(folder, { epochs: 2 });
    first.model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const second = await trainInto(folder, { epochs: 3, open: { resume: true } });
    second.model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('removes what a run that was killed left half written, and begins where there was nothing else', async () => {
    const dead = '99999999-0123456789ab'; // no process has this number
    const folder = await temporaryFolder({ [`.config.json.${dead}.tmp`]: '{"se' });
    await openTrainingRun(folder, { config });
    expect(await readdir(folder)).toEqual(['config.json', LOCK_FILE]);
    await mkdir(path.join(folder, `.best.${dead}.tmp`));
    await openTrainingRun(folder, { config, resume: true });
    expect(await readdir(folder)).toEqual(['config.json', LOCK_FILE]);
  });

  it.each([false, true])('is begun where it was killed before its configuration was there, resume %s', async (resume) => {
    const dead = '99999999-0123456789ab';
    const holder = { pid: 99_999_999, host: hostname(), since: '2026-01-02T03:04:05.678Z', id: 'x' };
    const folder = await temporaryFolder({
      [LOCK_FILE]: JSON.stringify(holder),
      [`.${LOCK_FILE}.${dead}.tmp`]: '{"pi',
      [`.config.json.${dead}.tmp`]: '{"se',
    });
    const { run, history } = await trainInto(folder, { open: { resume } });
    expect(history).toEqual((await uninterrupted()).history);
    expect((await readdir(run.folder)).sort()).toEqual(['best', 'config.json', 'history.csv', 'last']);
  }); // prettier-ignore

  it('is refused to a second process, whether it resumes or not, and left as it was', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const holder = { pid: other.pid, host: hostname(), since: '2026-01-02T03:04:05.678Z', id: 'x' };
    const lock = JSON.stringify(holder);
    const folder = await temporaryFolder({ 'config.json': '{"of":"the other"}', [LOCK_FILE]: lock });
    for (const resume of [false, true]) {
      const opening = openTrainingRun(folder, { config, resume });
      await expect(opening).rejects.toThrow(CheckpointError);
      await expect(opening).rejects.toThrow(`${folder}: the run is in use by process ${other.pid} on host ${hostname()}`);
    }
    expect(await readFile(path.join(folder, 'config.json'), 'utf8')).toBe('{"of":"the other"}');
    expect(await readFile(path.join(folder, LOCK_FILE), 'utf8')).toBe(lock);
    const ended = once(other, 'exit');
    other.kill('SIGKILL');
    await ended;
    await expect(openTrainingRun(folder, { config, resume: true })).rejects.toThrow(/has another of, seed/);
    expect(await readdir(folder)).toEqual(['config.json']); // what refuses to open keeps no lock
  }); // prettier-ignore

  it('writes no more once the run was opened again', async () => {
    const folder = await runFolder();
    const first = await openTrainingRun(folder, { config });
    const model = build();
    const stage = await first.stage('patients', { model, learningRate: 1e-2, description, best: 'best' });
    const second = await openTrainingRun(folder, { config, resume: true });
    const taken = `${folder}: the run was taken over by process ${process.pid} on host ${hostname()}`;
    await expect(trainPatients(model, { train, validation, seed: 1, epochs: 1, ...stage })).rejects.toThrow(
      taken,
    );
    await expect(first.save('mine', model, description)).rejects.toThrow(taken);
    const again = { model, learningRate: 1e-2, description, best: 'best' };
    await expect(first.stage('patients', again)).rejects.toThrow(taken);
    stage.dispose();
    await first.close();
    expect((await readdir(folder)).sort()).toEqual(['config.json', LOCK_FILE]);
    await second.close();
    expect(await readdir(folder)).toEqual(['config.json']);
  });

  it('says so where its folder is deleted meanwhile, and makes none anew', async () => {
    const folder = await runFolder();
    const training = trainInto(folder, {
      onProgress: ({ epoch, step }) => {
        if (epoch === 2 && step === 1) rmSync(folder, { recursive: true });
      },
    });
    await expect(training).rejects.toThrow(CheckpointError);
    await expect(training).rejects.toThrow(`${folder}: the run's folder was deleted or moved while it was in use`);
    expect(await readdir(path.dirname(folder))).toEqual([]);
    const { history } = await trainInto(folder, { open: { resume: true } });
    expect(history).toEqual((await uninterrupted()).history);
  }); // prettier-ignore

  it.each(['missing', 'an epoch short', 'cut', 'of a later epoch'])(
    'puts the history right where a crash left it behind the state: %s',
    async (how) => {
      const folder = await runFolder();
      const { run } = await trainInto(folder, { epochs: 3 });
      const file = path.join(folder, 'history.csv');
      const whole = await readFile(file, 'utf8');
      const rows = whole.trimEnd().split('\n');
      if (how === 'missing') await rm(file);
      if (how === 'an epoch short') await writeFile(file, `${rows.slice(0, -1).join('\n')}\n`);
      if (how === 'cut') await writeFile(file, whole.slice(0, -9));
      // a stage that is not resumed has rows that the state has not
      const later = `${whole}${rows.at(-1)!.replace(',3,', ',4,')}\n`;
      if (how === 'of a later epoch') await writeFile(file, later);
      const resumed = await openTrainingRun(folder, { config, resume: true });
      expect(await readFile(file, 'utf8')).toBe(how === 'of a later epoch' ? later : whole);
      expect(resumed.history).toEqual(run.history);
      const read = await readTrainingHistory(folder);
      expect(read!.slice(0, 3)).toEqual(run.history);
      await resumed.close();
    },
  );

  it.each(['{}', 'null', '{"stage":"patients"}', '{"stage":"patients","state":{},"earlier":[]}', '[1]'])(
    'refuses to resume from a state of %s',
    async (text) => {
      const folder = await runFolder();
      await trainInto(folder, { epochs: 1 });
      await writeFile(path.join(folder, 'last', 'state.json'), text);
      const opening = openTrainingRun(folder, { config, resume: true });
      await expect(opening).rejects.toThrow(CheckpointError);
      await expect(opening).rejects.toThrow(/state\.json: expected /);
    },
  );

  it('takes the folder again for what is written after it was closed', async () => {
    const folder = await runFolder();
    const { run, model } = await trainInto(folder, { epochs: 1 });
    expect(await readdir(folder)).not.toContain(LOCK_FILE);
    await run.save('chosen', model, description);
    expect(await readdir(folder)).toContain(LOCK_FILE);
    await run.close();
    expect((await readdir(folder)).sort()).toEqual(['best', 'chosen', 'config.json', 'history.csv', 'last']);
  });

  it('recovers last/ after a crash in the middle of replacing it', async () => {
    const folder = await runFolder();
    await trainInto(folder, { epochs: 2 });
    const last = path.join(folder, 'last');
    await cp(last, path.join(folder, '.last.1-0123456789ab.old'), { recursive: true });
    await rm(last, { recursive: true });
    await mkdir(path.join(folder, '.last.2-0123456789ab.tmp')); // and a half-written one of an earlier crash
    const run = await openTrainingRun(folder, { config, resume: true });
    expect(run.interruptedStage).toBe('patients');
    expect(run.history).toHaveLength(2);
  });
});
