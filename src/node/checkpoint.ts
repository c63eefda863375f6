import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError, checkKnownKeys } from '../errors';
import { readSafetensors, writeSafetensors } from '../interop/safetensors';
import {
  createCheckpointManifest,
  MANIFEST_KEYS,
  parseCheckpointManifest,
  weightDifferences,
  type CheckpointDescription,
  type CheckpointManifest,
  type WeightSpec,
} from '../training/checkpoint_format';
import { modelFromTopology } from '../training/checkpoint_model';
import { recoverFolder, writeFolderAtomic } from './atomic_write';

/** Weights beyond those of the file that a topology may have, so that an error can say which differ. */
const SPARE_WEIGHTS = 2 ** 24;

/** A model with everything that prediction needs. */
export interface Checkpoint {
  model: tf.LayersModel;
  manifest: CheckpointManifest;
}

/** What {@link saveCheckpoint} writes. */
export interface SaveCheckpointOptions extends CheckpointDescription {
  /** Its state is saved too, for going on with the training. */
  optimizer?: tf.Optimizer;
  /** Anything else that going on needs: plain data. */
  state?: unknown;
}

const FILES = {
  manifest: 'checkpoint.json',
  model: 'model.json',
  weights: 'weights.bin',
  optimizer: 'optimizer.safetensors',
  state: 'state.json',
};

/**
 * Writes a model with its preprocessing, labels and thresholds into one folder, whole or not at all.
 *
 * `model.json` and `weights.bin` are tfjs's own format, so `tf.loadLayersModel` reads them over HTTP too.
 *
 * @param folder - Made anew, or replaced.
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
  checkKnownKeys(options, [...MANIFEST_KEYS, 'optimizer', 'state'], 'saveCheckpoint');
  const { optimizer, state, ...description } = options;
  const manifest = createCheckpointManifest(description);
  await writeFolderAtomic(folder, async (temporary) => {
    const write = (name: string, data: string | Uint8Array) => writeFile(path.join(temporary, name), data);
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        const { modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy } = artifacts;
        const weightsManifest = [{ paths: [FILES.weights], weights: weightSpecs }];
        await write(
          FILES.model,
          JSON.stringify({ modelTopology, format, generatedBy, convertedBy, weightsManifest }),
        );
        await write(FILES.weights, new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData)));
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    if (optimizer) await write(FILES.optimizer, await optimizerFile(optimizer));
    if (state !== undefined) await write(FILES.state, JSON.stringify(state));
    await write(FILES.manifest, JSON.stringify(manifest, null, 2));
  });
}

/**
 * Reads what {@link saveCheckpoint} wrote.
 *
 * @param folder - The checkpoint, or a training run's folder, whose best checkpoint is taken.
 * @throws `CheckpointError` for a file that is missing, cut off or of another version, or for weights that do not fit
 * the model, saying which.
 * @example
 * ```ts
 * const { model, manifest } = await loadCheckpoint('runs/first');
 * const source = await openKaggleFolder('data', { preprocessing: manifest.preprocessing });
 * ```
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const found = await findCheckpoint(folder);
  const manifest = parseManifest(await readJson(found, FILES.manifest), found);
  const { modelTopology, weightSpecs } = parseModelFile(await readJson(found, FILES.model), found);
  const weights = await readBytes(found, FILES.weights);
  checkWeightBytes(weightSpecs, weights, path.join(found, FILES.weights));

  const model = await buildModel(modelTopology, weights.length / 4 + SPARE_WEIGHTS, found);
  const differences = weightDifferences(model, weightSpecs);
  if (differences.length > 0) {
    model.dispose();
    throw new CheckpointError(`${found}: the weights do not fit the model: ${listed(differences)}`);
  }
  const outputs = model.outputs[0]!.shape.at(-1);
  if (outputs !== manifest.labels.length) {
    model.dispose();
    throw new CheckpointError(
      `${found}: the model has ${outputs} outputs, the manifest ${manifest.labels.length} labels`,
    );
  }
  const { buffer, byteOffset, byteLength } = weights;
  const tensors = tf.io.decodeWeights(
    buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    weightSpecs,
  );
  model.loadWeights(tensors);
  tf.dispose(tensors);
  return { model, manifest };
}

/** Puts a checkpoint's weights into a model of the same form; refuses others, saying what differs. */
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

/** Puts a saved optimizer state into an optimizer of the same kind. */
export async function restoreOptimizer(folder: string, optimizer: tf.Optimizer): Promise<void> {
  const bytes = await readBytes(folder, FILES.optimizer);
  let tensors: Record<string, tf.Tensor> = {};
  try {
    tensors = readSafetensors(bytes);
    const state: { place: number; name: string; tensor: tf.Tensor }[] = [];
    for (const [key, tensor] of Object.entries(tensors)) {
      const [, place, name] = /^(\d+):(.*)$/.exec(key) ?? [];
      if (place !== undefined) state.push({ place: Number(place), name: name!, tensor });
    }
    state.sort((a, b) => a.place - b.place);
    const [steps, ...before] = await optimizer.getWeights();
    steps?.tensor.dispose();
    await optimizer.setWeights(state);
    tf.dispose(before.map(({ tensor }) => tensor));
    for (const name of BIAS_CORRECTION) {
      const saved = tensors[name];
      if (saved) (optimizer as BiasCorrected)[name]?.assign(saved);
    }
  } catch (cause) {
    const kind = optimizer.getClassName();
    throw new CheckpointError(
      `${folder}: ${FILES.optimizer} is not of this ${kind}: ${(cause as Error).message}`,
      { cause },
    );
  } finally {
    tf.dispose(tensors);
  }
}

/** The plain data saved with a checkpoint. */
export async function readState(folder: string): Promise<unknown> {
  return readJson(folder, FILES.state);
}

/** The folder itself, or the best checkpoint of the training run in it. */
export async function findCheckpoint(folder: string): Promise<string> {
  for (const candidate of [folder, path.join(folder, 'best')]) {
    await recoverFolder(candidate);
    if (await readFile(path.join(candidate, FILES.manifest)).catch(() => undefined)) return candidate;
  }
  throw new CheckpointError(
    `${folder}: expected a checkpoint (${FILES.manifest}), or a training run with one in best/`,
  );
}

/**
 * Powers of beta that Adam keeps by multiplying step after step. tfjs neither saves them nor restores the same ones: its
 * `pow(beta, steps + 1)` rounds otherwise, and a resumed training would drift from one that was never interrupted.
 */
const BIAS_CORRECTION = ['accBeta1', 'accBeta2'] as const;
type BiasCorrected = tf.Optimizer & { [name in (typeof BIAS_CORRECTION)[number]]?: tf.Variable };

/** Optimizer state, its order kept in the names: tfjs knows moments by place. */
async function optimizerFile(optimizer: tf.Optimizer): Promise<Uint8Array> {
  const weights = await optimizer.getWeights();
  const tensors = Object.fromEntries(weights.map(({ name, tensor }, i) => [`${i}:${name}`, tensor]));
  for (const name of BIAS_CORRECTION) {
    const power = (optimizer as BiasCorrected)[name];
    if (power) tensors[name] = power;
  }
  try {
    return await writeSafetensors(tensors);
  } finally {
    weights[0]?.tensor.dispose(); // the step count is a tensor of its own, the rest is the optimizer's
  }
}

async function readBytes(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(path.join(folder, name));
  } catch (cause) {
    throw new CheckpointError(`${folder}: ${name} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const bytes = await readBytes(folder, name);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new CheckpointError(`${path.join(folder, name)} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function parseManifest(value: unknown, folder: string): CheckpointManifest {
  try {
    return parseCheckpointManifest(value);
  } catch (cause) {
    throw new CheckpointError(`${folder}: ${FILES.manifest}: ${(cause as Error).message}`, { cause });
  }
}

function parseModelFile(value: unknown, folder: string) {
  const { modelTopology, weightsManifest } = (value ?? {}) as {
    modelTopology?: object;
    weightsManifest?: unknown;
  };
  const groups = weightsManifest as { weights?: tf.io.WeightsManifestEntry[] }[] | undefined;
  const weightSpecs = Array.isArray(groups) && groups.length === 1 ? groups[0]?.weights : undefined;
  const wellFormed =
    Array.isArray(weightSpecs) &&
    weightSpecs.every((spec) => typeof spec === 'object' && spec !== null) &&
    weightSpecs.every(
      ({ name, shape, dtype, quantization }) =>
        typeof name === 'string' &&
        Array.isArray(shape) &&
        shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
        dtype === 'float32' &&
        quantization === undefined,
    );
  if (typeof modelTopology !== 'object' || modelTopology === null || !wellFormed) {
    throw new CheckpointError(
      `${path.join(folder, FILES.model)}: expected a topology and one group of float32 weights`,
    );
  }
  return { modelTopology, weightSpecs };
}

function checkWeightBytes(specs: readonly WeightSpec[], bytes: Uint8Array, file: string): void {
  const expected = specs.reduce(
    (sum, { shape }) => sum + 4 * shape.reduce((product, n) => product * n, 1),
    0,
  );
  if (bytes.length !== expected) {
    throw new CheckpointError(
      `${file}: expected ${expected} bytes of weights, found ${bytes.length}: cut off or mixed up`,
    );
  }
}

async function buildModel(
  modelTopology: object,
  mostWeights: number,
  folder: string,
): Promise<tf.LayersModel> {
  try {
    return await modelFromTopology(modelTopology, mostWeights);
  } catch (cause) {
    throw new CheckpointError(`${folder}: ${FILES.model}: ${(cause as Error).message}`, { cause });
  }
}

/** The first of what may be a long list. */
function listed(differences: readonly string[]): string {
  const more = differences.length - 12;
  return differences.slice(0, 12).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
