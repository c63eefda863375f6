import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { isRecord } from '../../base/checks';
import { describe } from '../../base/describe';
import { CheckpointError } from '../../base/errors';
import { anything, callback, flag, optional, resolveOptions, rule } from '../../base/options';
import type { Resolved, Rules } from '../../base/options';
import type { PatientSource } from '../../data/sources/source_types';
import { adam } from '../../optimizers/adam';
import type { CheckpointDescription } from '../../saving/checkpoint_format';
import type { EpochLog, StageState } from '../../training/stages/stage_log';
import { RunStage, type RunStageOptions, type RunStore } from '../../training/recipes/run_store';
import { recoverFolder, writeFileAtomic } from '../files/atomic_write';
import { removeAbandoned } from '../files/temporary_names';
import { readState, restoreOptimizer, restoreWeights, saveCheckpoint } from './checkpoint';
import { readJson, STATE_FILE } from './model_folder';
import { LOCK_FILE, RunLock } from './run_lock';
import { checkUnchanged, STUDY_FILE, studyRecord, studyText } from './study_record';
import { HISTORY_FILE, historyTable } from './training_history';

/**
 * Options of {@link openTrainingRun}.
 *
 * @inline
 */
export interface TrainingRunOptions {
  /** The run's resolved configuration: plain data, saved in `config.json`. */
  config: Record<string, unknown>;
  /**
   * Continue the run in the folder, whose configuration must be the same except for `mayDiffer`.
   * @defaultValue false
   */
  resume?: boolean;
  /**
   * Settings that may change when resuming, as dotted paths into `config`.
   * @defaultValue ['patience', 'pretrain.epochs', 'warmUp.epochs', 'patients.epochs']
   */
  mayDiffer?: string[];
}

const RULES = {
  config: rule<Record<string, unknown>>('an object', isRecord),
  resume: optional(flag, false),
  mayDiffer: optional(anything, ['patience', 'pretrain.epochs', 'warmUp.epochs', 'patients.epochs']),
} satisfies Rules<TrainingRunOptions>;

const STAGE_RULES = {
  ...{ model: anything, learningRate: anything, description: anything },
  best: rule<string>(
    "a folder name other than 'last'",
    (name) => typeof name === 'string' && /^[\w-]+$/.test(name) && name !== 'last',
  ),
  resumable: optional(flag, true),
  onEpochEnd: optional(callback),
} satisfies Rules<RunStageOptions>;

/** State saved with the last checkpoint. */
interface LastState {
  stage: string;
  state: StageState;
  /** History of the previous stages. */
  earlier: EpochLog[];
  /** Labels of the history's columns; missing in runs of earlier versions. */
  labels?: string[];
}

/**
 * Opens a folder for a training run: new or empty, or with `resume` that of an interrupted run.
 *
 * `trainRecipe` first calls `checkStudy`, which records the study in `study.json`, and refuses to resume with another one.
 * After every epoch the folder contains `config.json`, `history.csv`, `last/` (weights, optimizer, epoch: the state
 * needed to resume) and the best checkpoint of each stage, each written atomically.
 *
 * Only one process may train in a folder at a time: `run.lock` records which, until the run is closed or the process
 * ends. The lock of a process that has ended is taken over.
 *
 * @throws CheckpointError for a folder in use, a run that another process trains, or a configuration that differs from
 * the one being resumed.
 * @example
 * ```ts
 * const run = await openTrainingRun('runs/first', { config: { seed: 1 }, resume: true });
 * const description = { labels: study.labels, preprocessing };
 * const stage = await run.stage('patients', { model, learningRate: 1e-5, best: 'best', description });
 * await trainPatients(model, { train, validation, seed: 1, ...stage });
 * await run.close();
 * ```
 */
export async function openTrainingRun(folder: string, options: TrainingRunOptions): Promise<TrainingRun> {
  const resolved = resolveOptions('openTrainingRun', options, RULES);
  const lock = await RunLock.take(folder);
  try {
    await writeConfig(folder, resolved);
    const run = new TrainingRun(folder, lock);
    await run.readLast();
    return run;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function writeConfig(
  folder: string,
  { config, resume, mayDiffer }: Resolved<TrainingRunOptions, typeof RULES>,
): Promise<void> {
  const configFile = path.join(folder, CONFIG_FILE);
  await removeAbandoned(folder);
  const entries = (await readdir(folder)).filter((name) => name !== LOCK_FILE);
  if (!resume && entries.length > 0) {
    throw new CheckpointError(
      `${folder}: expected a new or empty folder, found ${entries.length} entries; use resume to continue a run`,
    );
  }
  if (resume && entries.length > 0) {
    const differences = differingKeys(await readConfig(configFile), config).filter(
      (key) => !mayDiffer.includes(key),
    );
    if (differences.length > 0) {
      throw new CheckpointError(`${configFile}: the run to resume has another ${differences.join(', ')}`);
    }
  }
  await writeFileAtomic(configFile, `${JSON.stringify(config, null, 2)}\n`);
}

const CONFIG_FILE = 'config.json';

/**
 * The folder of a training run, see {@link openTrainingRun}.
 *
 * @example
 * ```ts
 * const run = await openTrainingRun('runs/first', { config: { seed: 1 }, resume: true });
 * console.log(run.interruptedStage, run.history.length);
 * ```
 */
export class TrainingRun implements RunStore {
  private last: LastState | undefined;
  /** Epochs of a stage that is not resumable, until the next stage is saved with them. */
  private notResumed: EpochLog[] = [];

  /** @internal */
  constructor(
    readonly folder: string,
    private readonly lock: RunLock,
  ) {}

  /** Name of the stage in which training was interrupted, if it had finished an epoch. */
  get interruptedStage(): string | undefined {
    return this.last?.stage;
  }

  /** Every epoch so far, of all stages. */
  get history(): EpochLog[] {
    const last = this.last ? [...this.last.earlier, ...this.last.state.history] : [];
    return [...last, ...this.notResumed];
  }

  /**
   * Optimizer and checkpoint writing for a stage. If the run was interrupted in this stage, the states of model and
   * optimizer are restored.
   */
  async stage(name: string, options: RunStageOptions): Promise<RunStage> {
    const resolved = resolveOptions('TrainingRun.stage', options, STAGE_RULES);
    const { model, learningRate, description, best, resumable } = resolved;
    await this.lock.check(CONFIG_FILE);
    const optimizer = adam(learningRate);
    const lastFolder = path.join(this.folder, 'last');
    const bestFolder = path.join(this.folder, best);
    const interrupted = this.last?.stage === name ? this.last : undefined;
    const earlier = interrupted ? interrupted.earlier : this.history;
    let bestWeights: tf.Tensor[] | undefined;
    if (interrupted) {
      try {
        // missing if the first epoch was interrupted
        if (existsSync(bestFolder)) {
          await restoreWeights(bestFolder, model);
          bestWeights = model.getWeights().map((weight) => weight.clone());
        }
        await restoreWeights(lastFolder, model);
        await restoreOptimizer(lastFolder, optimizer);
      } catch (error) {
        optimizer.dispose();
        tf.dispose(bestWeights);
        throw error;
      }
    }

    const saveLast = async (state: StageState, checkpoint: CheckpointDescription) => {
      this.last = { stage: name, state, earlier, labels: [...description.labels] };
      this.notResumed = [];
      await this.write(() =>
        saveCheckpoint(lastFolder, model, { ...checkpoint, optimizer, state: this.last! }),
      );
    };
    const onEpochEnd = async (log: EpochLog, state: StageState) => {
      const training = { stage: name, epoch: log.epoch, validationF2: log.validationF2 };
      const { validationThreshold: threshold } = log;
      const thresholds = threshold === null ? {} : { thresholds: description.labels.map(() => threshold) };
      const checkpoint = { ...description, ...thresholds, training };
      // best before last: after a crash in between, resuming repeats the epoch
      if (log.best) await this.write(() => saveCheckpoint(bestFolder, model, checkpoint));
      if (resumable) await saveLast(state, checkpoint);
      else this.notResumed = state.history;
      const table = historyTable(this.history, description.labels);
      await this.write(() => writeFileAtomic(path.join(this.folder, HISTORY_FILE), table));
      resolved.onEpochEnd?.(log);
    };
    return new RunStage({
      optimizer,
      onEpochEnd,
      onCheckpoint: resumable ? (state) => saveLast(state, description) : undefined,
      resume: interrupted?.state,
      bestWeights,
    });
  }

  /**
   * Records patients, slices, labels and fingerprints of the images in `study.json`; if there is a record, compares them
   * with it. `trainRecipe` does so before it trains. Sources without `fingerprints` are left out.
   *
   * @param sources - By the name that an error calls them.
   * @throws CheckpointError for a study that has changed since the record was made, naming the first patient.
   */
  async checkStudy(sources: Readonly<Record<string, PatientSource>>): Promise<void> {
    const study = await studyRecord(sources);
    if (Object.keys(study).length === 0) return;
    const file = path.join(this.folder, STUDY_FILE);
    if (existsSync(file)) checkUnchanged(file, await readJson(file), study, sources);
    else await this.write(() => writeFileAtomic(file, studyText(study)));
  }

  /** Writes a checkpoint of the run; `fitted` are the patients that its thresholds were fitted on. */
  async save(
    name: string,
    model: tf.LayersModel,
    description: CheckpointDescription,
    fitted?: readonly string[],
  ): Promise<void> {
    await this.write(() =>
      saveCheckpoint(path.join(this.folder, name), model, {
        ...description,
        state: fitted && { fitted },
      }),
    );
  }

  /** Loads the weights of one of the run's checkpoints into a model of the same form. */
  async restore(name: string, model: tf.LayersModel): Promise<void> {
    await restoreWeights(path.join(this.folder, name), model);
  }

  /**
   * Lets other processes train in the folder; later writes lock the folder again. `trainRecipe` closes its run, also if
   * it throws, and so does the end of the process.
   */
  async close(): Promise<void> {
    await this.lock.release();
  }

  /** @internal */
  async readLast(): Promise<void> {
    const folder = path.join(this.folder, 'last');
    if (!(await recoverFolder(folder))) return;
    this.last = lastState(await readState(folder), path.join(folder, STATE_FILE));
    if (this.last.labels === undefined) return;
    // repairs the table after a crash before it was written
    const file = path.join(this.folder, HISTORY_FILE);
    const table = historyTable(this.history, this.last.labels);
    const found = await readFile(file, 'utf8').catch(() => '');
    if (!found.startsWith(table)) await writeFileAtomic(file, table);
  }

  /** Writes to the folder, whose lock is checked before and after. */
  private async write(work: () => Promise<void>): Promise<void> {
    await this.lock.check(CONFIG_FILE);
    try {
      await work();
    } finally {
      await this.lock.check(CONFIG_FILE); // a more specific error, if that was the reason of a failure
    }
  }
}

async function readConfig(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new CheckpointError(`${file}: expected the configuration of the run to resume`, { cause });
  }
}

/** Checks the state in `last/`. */
function lastState(found: object, file: string): LastState {
  const { stage, state, earlier, labels = [] } = found as Record<keyof LastState, unknown>;
  const lists = [earlier, labels, isRecord(state) ? state.history : undefined];
  if (typeof stage === 'string' && lists.every(Array.isArray)) return found as LastState;
  throw new CheckpointError(`${file}: expected the state of a run, found ${describe(found)}`);
}

/** Dotted paths of the settings in which two configurations differ. */
function differingKeys(a: unknown, b: unknown, prefix = ''): string[] {
  if (!isRecord(a) || !isRecord(b)) return JSON.stringify(a) === JSON.stringify(b) ? [] : [prefix];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differingKeys(a[key], b[key], prefix === '' ? key : `${prefix}.${key}`));
}
