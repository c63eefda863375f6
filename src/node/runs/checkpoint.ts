import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { isRecord } from '../../base/checks';
import { describe } from '../../base/describe';
import { CheckpointError } from '../../base/errors';
import { anything, optional, resolveOptions, rule, type Rules } from '../../base/options';
import { readSafetensors } from '../../interop/safetensors';
import {
  checkpointArtifacts,
  listed,
  modelFromArtifacts,
  restoreOptimizerFrom,
  type SavedCtBrainModel,
} from '../../saving/checkpoint_artifacts';
import {
  DESCRIPTION_RULES,
  weightDifferences,
  WRITTEN_ANEW,
  type CheckpointDescription,
  type WeightSpec,
} from '../../saving/checkpoint_format';
import { optimizerRecord } from '../../optimizers/optimizer_record';
import { restoreOptimizerState } from '../../optimizers/optimizer_state';
import { readFolder, writeFolderAtomic } from '../files/atomic_write';
import {
  isThere,
  MODEL_FILES,
  readBytes,
  readJson,
  readModelFiles,
  refuseUnlessCheckpoint,
  STATE_FILE,
  writeModelFiles,
} from './model_folder';

/**
 * A model with everything that prediction needs.
 *
 * @inline
 */
export type Checkpoint = Pick<SavedCtBrainModel, 'model' | 'manifest'>;

/**
 * Data written by {@link saveCheckpoint}.
 *
 * @inline
 */
export interface SaveCheckpointOptions extends CheckpointDescription {
  /** Optimizer whose state is saved too, to continue training: one of tfjs's classes except Adamax, or `adam()`. */
  optimizer?: tf.Optimizer;
  /** Anything else needed to continue: a non-empty object of plain data. */
  state?: object;
}

const STATE_RULE = 'an object that is not empty';
const isState = (state: unknown): state is object => isRecord(state) && Object.keys(state).length > 0;

const RULES = {
  ...DESCRIPTION_RULES,
  optimizer: optional(anything),
  state: optional(rule<object>(STATE_RULE, isState)),
} satisfies Rules<SaveCheckpointOptions>;

/**
 * Writes a model with its preprocessing, labels and thresholds into one folder, atomically.
 *
 * `model.json` and `weights.bin` are those of `saveCtBrainModel`: `loadCtBrainModel` reads them over HTTP, and so does
 * `tf.loadLayersModel`, as a plain model. Loss, metrics and optimizer of a compiled model are not saved;
 * `saveCtBrainModel` with `fileSystem` saves them.
 *
 * @param folder - A new folder, or a checkpoint, which is replaced.
 * @throws DataError for a folder with anything else in it, which would be lost; ArgumentError for an optimizer that
 * cannot be saved; NonFiniteError for a weight that is not finite; CheckpointError for an invalid description;
 * CtMultilabelError if the disk is full. The old folder is then unchanged.
 * @example
 * ```ts
 * await saveCheckpoint('runs/first/best', model, { labels: CT_LABELS, preprocessing: createPreprocessing() });
 * ```
 */
export async function saveCheckpoint(
  folder: string,
  model: tf.LayersModel,
  options: SaveCheckpointOptions,
): Promise<void> {
  const what = 'saveCheckpoint';
  const { optimizer, state, ...description } = resolveOptions(what, options, RULES, WRITTEN_ANEW);
  await refuseUnlessCheckpoint(folder);
  const trained = optimizer && { record: { optimizer: optimizerRecord(what, optimizer) }, optimizer };
  const artifacts = await checkpointArtifacts(what, model, description, trained);
  await writeFolderAtomic(folder, async (temporary) => {
    await writeModelFiles(temporary, artifacts);
    if (state !== undefined) await writeFile(path.join(temporary, STATE_FILE), JSON.stringify(state));
  });
}

/**
 * Reads a checkpoint written by {@link saveCheckpoint}, of this or an earlier version. The model is not compiled, see
 * `loadCtBrainModel`.
 *
 * @param folder - The checkpoint, a training run's folder, whose best checkpoint is used, or the JSON file of a model,
 * with its weights in the same folder.
 * @throws CheckpointError for a file that is missing, truncated or of a newer version, or for weights that do not match
 * the model, naming them.
 * @example
 * ```ts
 * const { model, manifest } = await loadCheckpoint('runs/first');
 * const source = await openKaggleFolder('data', { preprocessing: manifest.preprocessing });
 * ```
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const found = await findCheckpoint(folder);
  const artifacts = await readModelFiles(found);
  return inFolder(found, () => modelFromArtifacts(artifacts, false));
}

/**
 * Loads a checkpoint's weights into a model of the same architecture; otherwise throws an error that lists the
 * differences.
 */
export async function restoreWeights(folder: string, model: tf.LayersModel): Promise<void> {
  const saved = await loadCheckpoint(folder);
  try {
    const specs: WeightSpec[] = saved.model.weights.map(({ originalName, shape }) => ({
      name: originalName,
      shape: shape as number[],
      dtype: 'float32',
    }));
    const differences = weightDifferences(model, specs);
    if (differences.length > 0) {
      throw new CheckpointError(`${folder} is of another model: ${listed(differences)}`);
    }
    const byName = new Map(saved.model.weights.map((weight) => [weight.originalName, weight]));
    for (const weight of model.weights) weight.write(byName.get(weight.originalName)!.read());
  } finally {
    saved.model.dispose();
  }
}

/**
 * Loads a saved optimizer state into an optimizer of the same kind.
 */
export async function restoreOptimizer(folder: string, optimizer: tf.Optimizer): Promise<void> {
  const oldFile = path.join(folder, MODEL_FILES.oldOptimizer);
  const bytes = await readFolder(folder, async (place) => {
    const file = path.join(place, MODEL_FILES.oldOptimizer);
    return (await isThere(file)) ? readBytes(file) : undefined;
  });
  if (bytes) {
    await inFolder(oldFile, () => restoreFromSafetensors(bytes, optimizer));
  } else {
    const artifacts = await readModelFiles(folder);
    await inFolder(folder, () => restoreOptimizerFrom(artifacts, optimizer));
  }
}

/**
 * The plain data saved with a checkpoint.
 *
 * @throws CheckpointError for a file that is missing, or without such data.
 */
export async function readState(folder: string): Promise<object> {
  const state = await readFolder(folder, (place) => readJson(path.join(place, STATE_FILE)));
  if (isState(state)) return state;
  throw new CheckpointError(
    `${path.join(folder, STATE_FILE)}: expected ${STATE_RULE}, found ${describe(state)}`,
  );
}

/**
 * The folder itself, or the best checkpoint of the training run in it. The JSON file of a model, as a browser downloads
 * it beside its weights, is taken too.
 *
 * @example
 * ```ts
 * const folder = await findCheckpoint('runs/first'); // 'runs/first/best'
 * ```
 */
export async function findCheckpoint(folder: string): Promise<string> {
  if (path.extname(folder) === '.json' && (await isFile(folder))) {
    return path.basename(folder) === MODEL_FILES.model ? path.dirname(folder) : folder;
  }
  // `trained`: the result so far of a training that has not ended
  for (const candidate of [folder, path.join(folder, 'best'), path.join(folder, 'trained')]) {
    const isCheckpoint = await readFolder(candidate, (place) => isThere(path.join(place, MODEL_FILES.model)));
    if (isCheckpoint) return candidate;
  }
  const found = (await isThere(folder)) ? 'found neither' : 'there is no such file or folder';
  throw new CheckpointError(
    `${folder}: expected a checkpoint (${MODEL_FILES.model}), or a training run with one in best/; ${found}`,
  );
}

/** Restores the state from format version 1. */
async function restoreFromSafetensors(bytes: Uint8Array, optimizer: tf.Optimizer): Promise<void> {
  const state = readSafetensors(bytes);
  try {
    await restoreOptimizerState(optimizer, state);
  } finally {
    tf.dispose(state);
  }
}

/** Adds the folder or file to errors. */
async function inFolder<T>(folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new CheckpointError(`${folder}: ${(cause as Error).message}`, { cause });
  }
}

const isFile = (name: string): Promise<boolean> =>
  stat(name).then(
    (found) => found.isFile(),
    () => false,
  );
