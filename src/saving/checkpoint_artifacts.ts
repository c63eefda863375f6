import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../base/checks';
import { describe } from '../base/describe';
import { CheckpointError, NonFiniteError } from '../base/errors';
import {
  createCheckpointManifest,
  parseCheckpointManifest,
  weightDifferences,
  type CheckpointDescription,
  type CheckpointManifest,
  type WeightSpec,
} from './checkpoint_format';
import { rememberRecord } from '../models/model_record';
import { checkChecksums, modelChecksums } from './checksum';
import { modelFromTopology } from './checkpoint_model';
import { functionFromRecord, type CompileRecord } from './compile_record';
import { optimizerFromRecord } from '../optimizers/optimizer_record';
import { optimizerState, restoreOptimizerState } from '../optimizers/optimizer_state';
import {
  checkedParts,
  isQuantized,
  nonFiniteWeight,
  numbersIn,
  OPTIMIZER_PREFIX,
  withTensors,
  type EncodedWeights,
} from './encoded_weights';

/**
 * A loaded model, with everything that was saved with its weights.
 *
 * @inline
 */
export interface SavedCtBrainModel {
  /** The model, compiled if it was when saved. */
  model: tf.LayersModel;
  /** Labels, preprocessing, thresholds, calibration and origin of the model. */
  manifest: CheckpointManifest;
  /** The optimizer with its state, if it was saved: the model's own, if that is compiled. */
  optimizer?: tf.Optimizer;
}

/** The state of training for {@link checkpointArtifacts}. */
export interface TrainedWith {
  record: CompileRecord;
  optimizer: tf.Optimizer;
}

/**
 * Numbers of weights and of values in them by which a topology may exceed the file, so that an error can list the
 * differences.
 */
const [SPARE_WEIGHTS, SPARE_NUMBERS] = [1000, 2 ** 24];

/** Key of the manifest in tfjs's user-defined metadata, which all of its handlers keep. */
const MANIFEST_KEY = 'ctMultilabel';

/**
 * A model as tfjs's handlers take it. The manifest is user-defined metadata; the optimizer's state is stored as weights
 * of tfjs's group `'optimizer'` after the model's, so that `tf.loadLayersModel` recognises it.
 *
 * @throws ArgumentError for a model whose weights share a name; NonFiniteError for a weight or an optimizer's moment
 * that is not finite; CheckpointError for an invalid description.
 */
export async function checkpointArtifacts(
  what: string,
  model: tf.LayersModel,
  description: CheckpointDescription,
  trained?: TrainedWith,
): Promise<tf.io.ModelArtifacts> {
  const frozen = frozenWeights(model);
  const manifest = parseCheckpointManifest({
    ...createCheckpointManifest(description),
    compiled: trained?.record,
    frozen: frozen.length > 0 ? frozen : undefined,
  });
  const artifacts = await modelArtifacts(model);
  const specs = artifacts.weightSpecs!;
  const twice = specs.find(({ name }, i) => specs.findIndex((other) => other.name === name) < i);
  check(twice === undefined, `${what}: model`, 'weights with distinct names', twice?.name);
  checkFinite(what, { specs, data: tf.io.CompositeArrayBuffer.join(artifacts.weightData) });
  const record = plainData(what, manifest);
  const state = trained && (await encodedState(what, trained.optimizer));
  const weightSpecs = [...specs, ...(state?.specs ?? [])];
  const parts = [tf.io.CompositeArrayBuffer.join(artifacts.weightData), ...(state ? [state.data] : [])];
  const weightData = tf.io.CompositeArrayBuffer.join(parts);
  const topology = artifacts.modelTopology as object;
  const checksums = modelChecksums({ manifest: record, topology, specs: weightSpecs, weights: weightData });
  return {
    ...artifacts,
    weightSpecs,
    weightData,
    userDefinedMetadata: {
      ...(model.getUserDefinedMetadata() as Record<string, object> | undefined),
      [MANIFEST_KEY]: { ...record, checksums },
    },
  };
}

async function encodedState(what: string, optimizer: tf.Optimizer): Promise<EncodedWeights> {
  const state = await optimizerState(optimizer);
  try {
    const named = Object.entries(state).map(([name, tensor]) => ({ name: OPTIMIZER_PREFIX + name, tensor }));
    const encoded = await tf.io.encodeWeights(named, 'optimizer');
    checkFinite(what, encoded);
    return encoded;
  } finally {
    tf.dispose(state);
  }
}

/** A model with a weight that is not finite is useless, and must not replace an earlier one. */
function checkFinite(what: string, weights: EncodedWeights): void {
  const problem = nonFiniteWeight(weights);
  if (problem !== undefined) throw new NonFiniteError(`${what}: ${problem}; nothing is saved`);
}

/** The manifest in a model's artifacts, not yet checked; undefined for a model not saved by this library. */
export function manifestIn({ userDefinedMetadata }: tf.io.ModelArtifacts): unknown {
  return isRecord(userDefinedMetadata) ? userDefinedMetadata[MANIFEST_KEY] : undefined;
}

/** Artifacts with a manifest that was stored separately. */
export function withManifest(artifacts: tf.io.ModelArtifacts, manifest: object): tf.io.ModelArtifacts {
  return {
    ...artifacts,
    userDefinedMetadata: { ...artifacts.userDefinedMetadata, [MANIFEST_KEY]: manifest },
  };
}

/**
 * The model described by artifacts. They are untrusted: everything is checked before it is passed to tfjs.
 *
 * @param includeOptimizer - Whether the optimizer is created and the model compiled.
 * @throws CheckpointError for artifacts not made by {@link checkpointArtifacts}; nothing is leaked then.
 */
export async function modelFromArtifacts(
  artifacts: tf.io.ModelArtifacts,
  includeOptimizer: boolean,
): Promise<SavedCtBrainModel> {
  const found = manifestIn(artifacts);
  if (found === undefined) {
    throw new CheckpointError(
      'expected a model that ct-multilabel saved, found none of its records; tf.loadLayersModel reads others',
    );
  }
  const manifest = parseCheckpointManifest(found);
  const parts = checkedParts(artifacts);
  const { topology, weights, state } = parts;
  if (state.specs.length > 0 && !manifest.compiled) {
    throw new CheckpointError('found the state of an optimizer, but no record of the optimizer');
  }
  const problem = nonFiniteWeight(weights) ?? nonFiniteWeight(state);
  if (problem !== undefined) throw new CheckpointError(`expected finite weights, but ${problem}`);
  const model = await modelFromTopology(topology, {
    numbers: numbersIn(weights.specs) + SPARE_NUMBERS,
    weights: weights.specs.length + SPARE_WEIGHTS,
  });
  let optimizer: tf.Optimizer | undefined;
  try {
    checkFits(model, weights.specs, manifest.labels.length);
    await withTensors(weights, (tensors) => model.loadWeights(tensors));
    freeze(model, manifest.frozen ?? []);
    if (includeOptimizer && manifest.compiled) {
      optimizer = optimizerFromRecord(manifest.compiled.optimizer);
      await restoreTraining(model, manifest.compiled, optimizer, state);
    }
    // last, since other errors are more specific
    checkChecksums({ ...parts.whole, manifest: found as object, topology }, isQuantized(weights));
    rememberRecord(model, manifest);
    const { [MANIFEST_KEY]: _, ...others } = artifacts.userDefinedMetadata!;
    if (Object.keys(others).length > 0) model.setUserDefinedMetadata(others);
    return { model, manifest, optimizer };
  } catch (cause) {
    const values = model.getWeights();
    model.dispose();
    // weights of a layer that is called twice, which a modified topology may contain
    for (const value of values) if (!value.isDisposed) value.dispose();
    optimizer?.dispose();
    throw cause instanceof CheckpointError ? cause : new CheckpointError((cause as Error).message, { cause });
  }
}

/**
 * Restores an optimizer's state from a model's artifacts.
 *
 * @throws CheckpointError for artifacts without one, or with that of another kind.
 */
export async function restoreOptimizerFrom(
  artifacts: tf.io.ModelArtifacts,
  optimizer: tf.Optimizer,
): Promise<void> {
  const manifest = manifestIn(artifacts);
  const { compiled } = parseCheckpointManifest(manifest);
  const { topology, weights, state, whole } = checkedParts(artifacts);
  const kind = optimizer.getClassName();
  if (compiled?.optimizer.className !== kind) {
    const found = compiled ? `that of ${compiled.optimizer.className}` : 'none';
    throw new CheckpointError(`expected the state of an optimizer of class ${kind}, found ${found}`);
  }
  checkChecksums({ ...whole, manifest: manifest as object, topology }, isQuantized(weights));
  await withTensors(state, (tensors) => restoreOptimizerState(optimizer, withoutPrefix(tensors)));
}

/** Shapes of the variables that `model.fit` steps, in its order. */
export const trainedShapes = (model: tf.LayersModel): number[][] =>
  model.trainableWeights.map(({ shape }) => shape as number[]);

async function restoreTraining(
  model: tf.LayersModel,
  { loss, metrics = [] }: CompileRecord,
  optimizer: tf.Optimizer,
  state: EncodedWeights,
): Promise<void> {
  const shapes = loss === undefined ? undefined : trainedShapes(model);
  await withTensors(state, (tensors) => restoreOptimizerState(optimizer, withoutPrefix(tensors), shapes));
  if (loss === undefined) return;
  model.compile({
    optimizer,
    loss: functionFromRecord('loss', loss),
    metrics: metrics.map((metric) => functionFromRecord('metrics', metric)),
  });
}

/** Names of weights that are not trained. */
function frozenWeights(model: tf.LayersModel): string[] {
  const trained = new Set(model.trainableWeights);
  return model.weights.filter((weight) => !trained.has(weight)).map(({ originalName }) => originalName);
}

function freeze(model: tf.LayersModel, names: readonly string[]): void {
  const byName = new Map(model.weights.map((weight) => [weight.originalName, weight]));
  for (const name of names) {
    const weight = byName.get(name);
    if (!weight) throw new CheckpointError(`frozen: expected names of weights, found ${describe(name)}`);
    weight.trainable = false;
  }
}

function checkFits(model: tf.LayersModel, specs: readonly WeightSpec[], labels: number): void {
  const differences = weightDifferences(model, specs);
  if (differences.length > 0) {
    throw new CheckpointError(`the weights do not match the model: ${listed(differences)}`);
  }
  const outputs = model.outputs[0]!.shape.at(-1);
  if (outputs !== labels) {
    throw new CheckpointError(`the model has ${outputs} outputs, the manifest ${labels} labels`);
  }
}

/** The first items of a possibly long list. */
export function listed(differences: readonly string[]): string {
  const more = differences.length - 12;
  return differences.slice(0, 12).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

const withoutPrefix = (tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name.slice(OPTIMIZER_PREFIX.length), tensor]),
  );

/** What tfjs would pass to a handler. */
async function modelArtifacts(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts = {};
  const keep = async (given: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
    artifacts = given;
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  };
  await model.save(tf.io.withSaveHandler(keep));
  return artifacts;
}

/**
 * A copy through JSON, so that every handler stores the same, even one that would refuse a function or a model in it.
 */
function plainData(what: string, manifest: CheckpointManifest): object {
  try {
    return JSON.parse(JSON.stringify(manifest)) as object;
  } catch (cause) {
    throw new CheckpointError(`${what}: model: expected plain data: ${(cause as Error).message}`, { cause });
  }
}
