import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../../base/checks';
import { describe } from '../../base/describe';
import { CheckpointError, DataError } from '../../base/errors';
import { foreignFile } from '../../base/foreign_file';
import { manifestIn, withManifest } from '../../saving/checkpoint_artifacts';
import { readFolder, writeFolderAtomic } from '../files/atomic_write';

/** Files of a saved model; the last two are of format version 1. */
export const MODEL_FILES = {
  model: 'model.json',
  weights: 'weights.bin',
  oldManifest: 'checkpoint.json',
  oldOptimizer: 'optimizer.safetensors',
} as const;

/** State of a training run, besides the model. */
export const STATE_FILE = 'state.json';

/**
 * A tfjs handler for a folder on disk, like `tf.io.fileSystem` of tfjs-node: `model.json` and `weights.bin`, written
 * atomically.
 *
 * Importing `ct-multilabel/node` also makes tfjs accept `file://FOLDER` and `file://FOLDER/model.json` in `model.save`,
 * `tf.loadLayersModel`, `saveCtBrainModel` and `loadCtBrainModel`, unless another package (tfjs-node) does already.
 *
 * @param location - A folder; for reading also the JSON file of a model in it, which may have any name.
 * @returns The handler. Saving throws `DataError` if the folder has other files in it, which would be lost, or is a
 * file; loading throws `CheckpointError` for files that are missing or not a model's.
 * @throws ArgumentError for an invalid path.
 * @example
 * ```ts
 * await saveCtBrainModel(model, fileSystem('models/brain'), { labels: CT_LABELS, preprocessing });
 * const loaded = await loadCtBrainModel('file://models/brain');
 * ```
 */
export function fileSystem(location: string): tf.io.IOHandler {
  check(typeof location === 'string' && location !== '', 'fileSystem: location', 'a path', location);
  return {
    save: async (artifacts) => {
      await refuseOtherFiles(location, Object.values(MODEL_FILES));
      await writeFolderAtomic(location, (temporary) => writeModelFiles(temporary, artifacts));
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    },
    load: () => readModelFiles(location),
  };
}

/** Writes a model's files into an existing folder. */
export async function writeModelFiles(folder: string, artifacts: tf.io.ModelArtifacts): Promise<void> {
  const { weightSpecs = [], weightData = [], getWeightStream: _, ...rest } = artifacts;
  const weightsManifest = [{ paths: [MODEL_FILES.weights], weights: weightSpecs }];
  await writeFile(path.join(folder, MODEL_FILES.model), JSON.stringify({ ...rest, weightsManifest }));
  const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  await writeFile(path.join(folder, MODEL_FILES.weights), bytes);
}

/**
 * Reads a model's files.
 *
 * @param location - Their folder, or the JSON file in it.
 * @throws CheckpointError for a missing or invalid file.
 */
export async function readModelFiles(location: string): Promise<tf.io.ModelArtifacts> {
  const isFolder = path.extname(location) !== '.json' || (await isDirectory(location));
  const folder = isFolder ? location : path.dirname(location);
  const file = isFolder ? path.join(folder, MODEL_FILES.model) : location;
  return readFolder(folder, (place) => readArtifacts(place, path.join(place, path.basename(file))));
}

async function readArtifacts(folder: string, file: string): Promise<tf.io.ModelArtifacts> {
  const json = await readJson(file);
  const groups = isRecord(json) ? json['weightsManifest'] : undefined;
  if (!isRecord(json) || !Array.isArray(groups) || !groups.every(isWeightGroup)) {
    throw new CheckpointError(`${file}: expected a model with lists of weights and of their files`);
  }
  const files = groups.flatMap(({ paths }) => paths.map((name) => insideFolder(folder, name, file)));
  const parts: ArrayBuffer[] = [];
  for (const part of files) parts.push(bufferOf(await readBytes(part)));
  const artifacts = tf.io.getModelArtifactsForJSONSync(
    json as unknown as tf.io.ModelJSON,
    groups.flatMap(({ weights }) => weights),
    parts,
  );
  const oldManifest = path.join(folder, MODEL_FILES.oldManifest);
  if (manifestIn(artifacts) !== undefined || !(await isThere(oldManifest))) return artifacts;
  return withManifest(artifacts, (await readJson(oldManifest)) as object);
}

export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    // checked before opening, which would block forever on a pipe or device
    if (!(await stat(file)).isFile()) throw new Error('expected a file, found something else');
    return await readFile(file);
  } catch (cause) {
    throw new CheckpointError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

export async function readJson(file: string): Promise<unknown> {
  const bytes = await readBytes(file);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    const other = foreignFile(bytes);
    const reason = other === undefined ? (cause as Error).message : `found ${other}`;
    throw new CheckpointError(`${file} is not JSON: ${reason}`, { cause });
  }
}

/** Whether a file or folder of this name exists. */
export const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

const isDirectory = (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  );

function isWeightGroup(group: unknown): group is tf.io.WeightsManifestConfig[number] {
  const { paths, weights } = (group ?? {}) as Record<string, unknown>;
  return Array.isArray(paths) && paths.every((name) => typeof name === 'string') && Array.isArray(weights);
}

/** The path of a weight file, which must be in the model's folder. */
function insideFolder(folder: string, name: string, file: string): string {
  const found = path.resolve(folder, name);
  if (path.dirname(found) !== path.resolve(folder)) {
    throw new CheckpointError(`${file}: expected names of files in its folder, found ${describe(name)}`);
  }
  return path.join(folder, name);
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;

/**
 * Refuses to replace a folder that is not a checkpoint, since its contents would be lost.
 *
 * @throws DataError that names the contents.
 */
export async function refuseUnlessCheckpoint(folder: string): Promise<void> {
  await refuseOtherFiles(folder, [...Object.values(MODEL_FILES), STATE_FILE]);
  const names: string[] = await readdir(folder).catch(() => []);
  if (names.every((name) => OF_THE_SYSTEM.includes(name))) return;
  const isOurs =
    names.includes(MODEL_FILES.oldManifest) ||
    (names.includes(MODEL_FILES.model) &&
      (await readJson(path.join(folder, MODEL_FILES.model)).then(
        (json) => manifestIn((json ?? {}) as tf.io.ModelArtifacts) !== undefined,
        () => false,
      )));
  if (!isOurs) {
    throw new DataError(`expected a new folder or a checkpoint, found other files: ${names.join(', ')}`, {
      file: folder,
    });
  }
}

/** Files that operating systems create in folders. */
const OF_THE_SYSTEM: readonly string[] = ['.DS_Store', 'Thumbs.db', 'desktop.ini'];

/** Refuses to replace a folder with other files, which would be lost. */
async function refuseOtherFiles(folder: string, known: readonly string[]): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const other = names.find((name) => !known.includes(name) && !OF_THE_SYSTEM.includes(name));
  if (other !== undefined) {
    const rule = 'expected a new folder, or one that contains only a saved model';
    throw new DataError(`${rule}, found ${describe(other)}`, { file: folder });
  }
}

const SCHEME = 'file://';

type Router = Parameters<typeof tf.io.registerLoadRouter>[0];

/** Provides handlers for `file://`, unless another package does. */
function fileRouter(handlersOf: (url: string) => tf.io.IOHandler[]): Router {
  let isAsking = false;
  const route = (url: string | string[]): tf.io.IOHandler | null => {
    if (isAsking || typeof url !== 'string' || !url.startsWith(SCHEME)) return null;
    isAsking = true; // tfjs calls this router too
    try {
      if (handlersOf(url).length > 0) return null;
    } finally {
      isAsking = false;
    }
    return fileSystem(url.slice(SCHEME.length));
  };
  return route as Router; // null means none, which tfjs's type leaves out
}

/**
 * Marks the registration, which all copies of this module share (ESM and CommonJS): tfjs refuses a URL that two routers
 * accept.
 */
const REGISTERED = Symbol.for('ct-multilabel.fileRouter');
const registry = globalThis as { [REGISTERED]?: true };
if (!registry[REGISTERED]) {
  registry[REGISTERED] = true;
  tf.io.registerLoadRouter(fileRouter((url) => tf.io.getLoadHandlers(url)));
  tf.io.registerSaveRouter(fileRouter((url) => tf.io.getSaveHandlers(url)));
}
