import * as tf from '@tensorflow/tfjs';
import { isRecord } from '../base/checks';
import { CheckpointError } from '../base/errors';
import { foreignFile } from '../base/foreign_file';
import { firstOutside } from '../kernels/host_values';
import type { WeightSpec } from './checkpoint_format';

/** Prefix of an optimizer's tensors among the weights. */
export const OPTIMIZER_PREFIX = 'optimizer/';

/** Weights as consecutive bytes. */
export interface EncodedWeights {
  specs: tf.io.WeightsManifestEntry[];
  data: ArrayBuffer;
}

/**
 * Topology, weights and optimizer state of a model's artifacts, separated. They are untrusted: sizes and types are
 * checked here, but not whether they match the model.
 *
 * @throws CheckpointError for truncated or inconsistent artifacts.
 */
export function checkedParts({ modelTopology, weightSpecs, weightData }: tf.io.ModelArtifacts): {
  topology: object;
  weights: EncodedWeights;
  state: EncodedWeights;
  /** Weights and state together, as in the file. */
  whole: { specs: readonly tf.io.WeightsManifestEntry[]; weights: ArrayBuffer };
} {
  const specs: unknown = weightSpecs;
  if (!isRecord(modelTopology) || !Array.isArray(specs) || !specs.every(isWeightSpec)) {
    throw new CheckpointError('expected a topology and float32 weights, or float16 weights from a converter');
  }
  const names = new Set(specs.map(({ name }) => name));
  const firstOfState = specs.findIndex(({ group }) => group === 'optimizer');
  const count = firstOfState === -1 ? specs.length : firstOfState;
  const [ofModel, ofState] = [specs.slice(0, count), specs.slice(count)];
  const inOrder = ofState.every(
    ({ group, name }) => group === 'optimizer' && name.startsWith(OPTIMIZER_PREFIX),
  );
  if (names.size < specs.length || !inOrder) {
    throw new CheckpointError(`expected weights with distinct names, and the optimizer's at the end`);
  }
  const bytes = tf.io.CompositeArrayBuffer.join(weightData);
  const [modelBytes, stateBytes] = [bytesIn(ofModel), bytesIn(ofState)];
  if (bytes.byteLength !== modelBytes + stateBytes) {
    const other = foreignFile(new Uint8Array(bytes));
    throw new CheckpointError(
      `expected ${modelBytes + stateBytes} bytes of weights, found ${bytes.byteLength}: ${other ?? 'truncated or mixed up'}`,
    );
  }
  return {
    topology: modelTopology,
    weights: { specs: ofModel, data: bytes.slice(0, modelBytes) },
    state: { specs: ofState, data: bytes.slice(modelBytes) },
    whole: { specs, weights: bytes },
  };
}

/** Whether a converter has converted the weights to float16 since they were saved. */
export const isQuantized = ({ specs }: EncodedWeights): boolean =>
  specs.some(({ quantization }) => quantization !== undefined);

const bytesIn = (specs: readonly tf.io.WeightsManifestEntry[]): number =>
  specs.reduce((sum, spec) => sum + (spec.quantization ? 2 : 4) * numbersIn([spec]), 0);

/** Total number of values in weights. */
export const numbersIn = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);

/** Names the first weight with a value that is not finite; undefined if there is none. */
export function nonFiniteWeight({ specs, data }: EncodedWeights): string | undefined {
  // a converter's float16 values are decoded first
  const tensors = tf.io.decodeWeights(data, specs);
  try {
    for (const { name, dtype } of specs) {
      const values = tensors[name]!.dataSync();
      const place = dtype === 'float32' ? firstOutside(values as Float32Array) : -1;
      if (place !== -1) return `value ${place} of ${name} is ${values[place]}`;
    }
    return undefined;
  } finally {
    tf.dispose(tensors);
  }
}

/** Creates tensors of weights for `use`, and disposes them afterwards. */
export async function withTensors(
  { specs, data }: EncodedWeights,
  use: (tensors: Record<string, tf.Tensor>) => void | Promise<void>,
): Promise<void> {
  const tensors = tf.io.decodeWeights(data, specs);
  try {
    await use(tensors);
  } finally {
    tf.dispose(tensors);
  }
}

function isWeightSpec(spec: unknown): spec is tf.io.WeightsManifestEntry {
  if (!isRecord(spec)) return false;
  const { name, shape, dtype, quantization, group } = spec;
  return (
    typeof name === 'string' &&
    // in tfjs's record of tensors it would be the prototype, and none would be disposed
    name !== '__proto__' &&
    Array.isArray(shape) &&
    shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
    // both have four bytes; only an optimizer has counts
    (dtype === 'float32' || (dtype === 'int32' && group === 'optimizer')) &&
    (quantization === undefined || (group !== 'optimizer' && isFloat16(quantization)))
  );
}

/**
 * The output of tfjs's converter with `--quantize_float16`: half the size, and read as float32. Coarser quantisation
 * changes a model's predictions.
 */
const isFloat16 = (quantization: unknown): boolean =>
  isRecord(quantization) && quantization['dtype'] === 'float16';
