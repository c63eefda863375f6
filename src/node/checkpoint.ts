import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors';
import { readSafetensors, writeSafetensors } from '../interop/safetensors';
import {
  createCheckpointManifest,
  parseCheckpointManifest,
  weightDifferences,
  type CheckpointDescription,
  type CheckpointManifest,
  type WeightSpec,
} from '../training/checkpoint_format';
import { recoverFolder, writeFolderAtomic } from './atomic_write';

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
  const manifest = parseCheckpointManifest(await readJson(found, FILES.manifest));
  const { modelTopology, weightSpecs } = parseModelFile(await readJson(found, FILES.model), found);
  const weights = await readBytes(found, FILES.weights);
  checkWeightBytes(weightSpecs, weights, path.join(found, FILES.weights));

  const weightData = weights.buffer.slice(
    weights.byteOffset,
    weights.byteOffset + weights.byteLength,
  ) as ArrayBuffer;
  let model: tf.LayersModel;
  try {
    model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  } catch (cause) {
    const differences = await explain(modelTopology, weightSpecs);
    const reason = differences.length > 0 ? differences.join('; ') : (cause as Error).message;
    throw new CheckpointError(`${found}: the weights do not fit the model: ${reason}`, { cause });
  }
  const outputs = model.outputs[0]!.shape.at(-1);
  if (outputs !== manifest.labels.length) {
    model.dispose();
    throw new CheckpointError(
      `${found}: the model has ${outputs} outputs, the manifest ${manifest.labels.length} labels`,
    );
  }
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
      throw new CheckpointError(`${folder} is of another model: ${differences.slice(0, 12).join('; ')}`);
    }
    const byName = new Map(saved.model.weights.map((weight) => [weight.originalName, weight]));
    for (const weight of model.weights) weight.write(byName.get(weight.originalName)!.read());
  } finally {
    saved.model.dispose();
  }
}

/** Puts a saved optimizer state into an optimizer of the same kind. */
export async function restoreOptimizer(folder: string, optimizer: tf.Optimizer): Promise<void> {
  const tensors = readSafetensors(await readBytes(folder, FILES.optimizer));
  const named = Object.entries(tensors).map(([key, tensor]) => ({ name: key.replace(/^\d+:/, ''), tensor }));
  await optimizer.setWeights(named);
  tf.dispose(tensors);
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

/** Optimizer state, its order kept in the names: tfjs knows moments by place. */
async function optimizerFile(optimizer: tf.Optimizer): Promise<Uint8Array> {
  const weights = await optimizer.getWeights();
  return writeSafetensors(Object.fromEntries(weights.map(({ name, tensor }, i) => [`${i}:${name}`, tensor])));
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

function parseModelFile(value: unknown, folder: string) {
  const { modelTopology, weightsManifest } = (value ?? {}) as {
    modelTopology?: object;
    weightsManifest?: unknown;
  };
  const groups = weightsManifest as { weights?: tf.io.WeightsManifestEntry[] }[] | undefined;
  const weightSpecs = Array.isArray(groups) && groups.length === 1 ? groups[0]?.weights : undefined;
  const wellFormed =
    Array.isArray(weightSpecs) &&
    weightSpecs.every(
      ({ name, shape, dtype, quantization }) =>
        typeof name === 'string' &&
        Array.isArray(shape) &&
        shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
        dtype === 'float32' &&
        quantization === undefined,
    );
  if (typeof modelTopology !== 'object' || !wellFormed) {
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

/** What stands between a topology and weights that tfjs would not load. */
async function explain(modelTopology: object, specs: readonly WeightSpec[]): Promise<string[]> {
  try {
    const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology }));
    const differences = weightDifferences(model, specs);
    model.dispose();
    return differences;
  } catch {
    return [];
  }
}
