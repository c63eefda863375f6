import * as tf from '@tensorflow/tfjs';
import { isRecord } from '../base/checks';
import { describe } from '../base/describe';
import { CheckpointError } from '../base/errors';
import { anything, optional, resolveOptions, rule, type Rules } from '../base/options';
import { checkCalibration, type Calibration } from '../metrics/calibration';
import { checkThreshold } from '../metrics/decide';
import { createPreprocessing, type CtPreprocessing } from '../transforms/preprocessing';
import type { Labels } from '../base/types';
import { VERSION } from '../version';
import { checkCompileRecord, type CompileRecord } from './compile_record';

/** Description of a checkpoint's model: everything that prediction needs besides the weights. */
export interface CheckpointManifest {
  format: 'ct-multilabel-checkpoint';
  /** Version of this record. */
  formatVersion: 3;
  /** Versions of what wrote it; `node` and `backend` are missing if an earlier version or a page wrote it. */
  versions: { 'ct-multilabel': string; tfjs: string; node?: string; backend?: string };
  /** Label names, in the order of the outputs. */
  labels: string[];
  /** Preprocessing of the slices. */
  preprocessing: CtPreprocessing;
  /** Probability from which a label counts as present, one per label; calibrated, if there is a calibration. */
  thresholds: number[];
  /** Calibration of the model's logits; if missing, they are not calibrated. */
  calibration?: Calibration;
  /** How the model was built, for people: variant, backbone, … */
  model: Record<string, unknown>;
  /** The point of training at which it was written. */
  training?: { stage: string; epoch: number; validationF2: number };
  /** How it is trained, if that was saved; the optimizer's state is stored with the weights. */
  compiled?: CompileRecord;
  /**
   * CRC-32 of what was saved, in hexadecimal, from version 3 on: of manifest, topology and names and shapes of the
   * weights; and of the weights' bytes, including those of the optimizer's state. Saving again replaces them.
   */
  checksums?: { description: string; weights: string };
  /** Names of the weights that are not trained. tfjs does not save this for the layers of an inner model. */
  frozen?: string[];
}

/** Description of a model, for `saveCheckpoint`. */
export interface CheckpointDescription
  extends Pick<CheckpointManifest, 'preprocessing'>, Partial<Pick<CheckpointManifest, 'model' | 'training'>> {
  /** Label names, in the order of the outputs. */
  labels: Labels;
  /**
   * Probability from which a label counts as present, one per label.
   * @defaultValue 0.5 for each
   */
  thresholds?: readonly number[];
  /**
   * Calibration of the model's logits.
   * @defaultValue none
   */
  calibration?: Calibration | undefined;
}

/** The rest is checked with the manifest. */
export const DESCRIPTION_RULES = {
  labels: rule<Labels>('a list of names', Array.isArray),
  preprocessing: anything,
  thresholds: optional(anything),
  calibration: optional(anything),
  model: optional(anything, {}),
  training: optional(anything),
} satisfies Rules<CheckpointDescription>;

/** A manifest may be used as a description: these fields are accepted, and written again. */
export const WRITTEN_ANEW: readonly Exclude<keyof CheckpointManifest, keyof CheckpointDescription>[] = [
  ...(['format', 'formatVersion', 'versions', 'compiled', 'frozen', 'checksums'] as const),
];

/**
 * A manifest with this library's versions, and thresholds of 0.5 unless given.
 */
export function createCheckpointManifest(description: CheckpointDescription): CheckpointManifest {
  const fn = 'createCheckpointManifest';
  const resolved = resolveOptions(fn, description, DESCRIPTION_RULES, WRITTEN_ANEW);
  const { labels, thresholds, calibration, ...rest } = resolved;
  return parseCheckpointManifest({
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    versions: writerVersions(),
    labels: [...labels],
    thresholds: [...(thresholds ?? labels.map(() => 0.5))],
    calibration: structuredClone(calibration),
    ...rest,
  });
}

function writerVersions(): CheckpointManifest['versions'] {
  const scope = globalThis as { process?: { versions?: { node?: string } } };
  const [node, backend] = [scope.process?.versions?.node, tf.getBackend() as string | undefined];
  return {
    ...{ 'ct-multilabel': VERSION, tfjs: tf.version.tfjs },
    node,
    backend,
  };
}

/**
 * Checks a manifest from a file. One of an earlier version is converted to the current one.
 *
 * @throws CheckpointError naming the invalid field.
 */
export function parseCheckpointManifest(value: unknown): CheckpointManifest {
  const fail = (field: string, rule: string, received: unknown): never => {
    throw new CheckpointError(`checkpoint: ${field}: expected ${rule}, received ${describe(received)}`);
  };
  if (!isRecord(value)) return fail('manifest', 'an object', value);
  const { format, formatVersion, versions, labels, preprocessing, thresholds, calibration, model } = value;
  const { training, compiled, frozen, checksums } = value;
  if (format !== FORMAT) fail('format', `'${FORMAT}'`, format);
  if (![1, 2, FORMAT_VERSION].includes(formatVersion as number)) {
    const writer = isRecord(versions) ? describe(versions['ct-multilabel']) : 'unknown';
    const advice = `ct-multilabel ${VERSION} reads these; version ${writer} wrote it: update to that or later`;
    const isNewer = typeof formatVersion === 'number' && formatVersion > FORMAT_VERSION;
    fail('formatVersion', `1, 2 or ${FORMAT_VERSION}${isNewer ? ` (${advice})` : ''}`, formatVersion);
  }
  if (!isRecord(versions)) fail('versions', 'an object', versions);
  if (!Array.isArray(labels) || labels.length === 0 || !labels.every((label) => typeof label === 'string')) {
    fail('labels', 'a list of names', labels);
  }
  if (!isRecord(model)) fail('model', 'an object', model);
  // if missing, defaults would be used, which may not be what the model was trained on
  if (!isRecord(preprocessing)) fail('preprocessing', 'an object', preprocessing);
  if (!Array.isArray(thresholds)) fail('thresholds', 'a list of numbers', thresholds);
  if (checksums !== undefined && !isRecord(checksums)) fail('checksums', 'an object', checksums);
  if (training !== undefined && !isRecord(training)) fail('training', 'an object', training);
  const isNames = Array.isArray(frozen) && frozen.every((name) => typeof name === 'string');
  if (frozen !== undefined && !isNames) fail('frozen', 'a list of names', frozen);
  try {
    checkThreshold('thresholds', thresholds as number[], (labels as string[]).length);
    if (calibration !== undefined) {
      checkCalibration('calibration', calibration as Calibration, (labels as string[]).length);
    }
    if (compiled !== undefined) {
      checkCompileRecord('compiled', compiled as CompileRecord, (labels as string[]).length);
    }
    return {
      ...(value as unknown as CheckpointManifest),
      formatVersion: FORMAT_VERSION,
      preprocessing: createPreprocessing(preprocessing as CtPreprocessing),
    };
  } catch (cause) {
    throw new CheckpointError(`checkpoint: ${(cause as Error).message}`, { cause });
  }
}

/** Name and shape of a saved weight. */
export type WeightSpec = Pick<tf.io.WeightsManifestEntry, 'name' | 'shape' | 'dtype'>;

/** Differences between saved weights and a model's: one sentence each, none if they match. */
export function weightDifferences(model: tf.LayersModel, saved: readonly WeightSpec[]): string[] {
  const wanted = new Map(model.weights.map((weight) => [weight.originalName, weight.shape]));
  const found = new Map(saved.map(({ name, shape }) => [name, shape]));
  const differences: string[] = [];
  for (const [name, shape] of wanted) {
    const other = found.get(name);
    if (!other) differences.push(`missing: ${name} [${shape}]`);
    else if (other.join() !== shape.join())
      differences.push(`${name}: the model has [${shape}], the file [${other}]`);
  }
  for (const name of found.keys()) if (!wanted.has(name)) differences.push(`unexpected: ${name}`);
  return differences;
}

const FORMAT = 'ct-multilabel-checkpoint';
const FORMAT_VERSION = 3;
