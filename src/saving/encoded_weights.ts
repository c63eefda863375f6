import * as tf from '@tensorflow/tfjs';
import { isRecord } from '../base/checks';
import { CheckpointError } from '../base/errors';
import { foreignFile } from '../base/foreign_file';
import { firstOutside } from '../kernels/host_values';
import type { WeightSpec } from './checkpoint_format';

/** Goes before the name of an optimizer's tensor among the weights. */
export const OPTIMIZER_PREFIX = 'optimizer/';

/** Weights as bytes, one after the other. */
export interface EncodedWeights {
  specs: tf.io.WeightsManifestEntry[];
  data: ArrayBuffer;
}

/**
 * Topology, weights and optimizer state in a model's artifacts, apart from one another. They are untrusted: sizes and types are
 * checked, not yet what they are of.
 *
 * @throws CheckpointError for artifacts that are cut off or contradict themselves.
 */
export function checkedParts({ modelTopology, weightSpecs, weightData }: tf.io.ModelArtifacts): {
  topology: object;
  weights: EncodedWeights;
  state: EncodedWeights;
  /** Weights and state together, as they are in the file. */
  whole: { specs: readonly tf.io.WeightsManifestEntry[]; weights: ArrayBuffer };
} {
  const specs: unknown = weightSpecs;
  if (!isRecord(modelTopology) || !Array.isArray(specs) || !specs.every(isWeightSpec)) {
    throw new CheckpointError(
      'expected a topology and float32 weights, or such as a converter made float16 of',
    );
  }
  const names = new Set(specs.map(({ name }) => name));
  const firstOfState = specs.findIndex(({ group }) => group === 'optimizer');
  const count = firstOfState === -1 ? specs.length : firstOfState;
  const [ofModel, ofState] = [specs.slice(0, count), specs.slice(count)];
  const inOrder = ofState.every(
    ({ group, name }) => group === 'optimizer' && name.startsWith(OPTIMIZER_PREFIX),
  );
  if (names.size < specs.length || !inOrder) {
    throw new CheckpointError(`expected weights with names of their own, and the optimizer's at the end`);
  }
  const bytes = tf.io.CompositeArrayBuffer.join(weightData);
  const [modelBytes, stateBytes] = [bytesIn(ofModel), bytesIn(ofState)];
  if (bytes.byteLength !== modelBytes + stateBytes) {
    const other = foreignFile(new Uint8Array(bytes));
    throw new CheckpointError(
      `expected ${modelBytes + stateBytes} bytes of weights, found ${bytes.byteLength}: ${other ?? 'cut off or mixed up'}`,
    );
  }
  return {
    topology: modelTopology,
    weights: { specs: ofModel, data: bytes.slice(0, modelBytes) },
    state: { specs: ofState, data: bytes.slice(modelBytes) },
    whole: { specs, weights: bytes },
  };
}

/** Whether a converter has made float16 of the weights since they were saved. */
export const isQuantized = ({ specs }: EncodedWeights): boolean =>
  specs.some(({ quantization }) => quantization !== undefined);

const bytesIn = (specs: readonly tf.io.WeightsManifestEntry[]): number =>
  specs.reduce((sum, spec) => sum + (spec.quantization ? 2 : 4) * numbersIn([spec]), 0);

/** How many numbers weights have in all. */
export const numbersIn = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);

/** What is wrong with weights of which a value is not finite: one names the first; undefined for none. */
export function nonFiniteWeight({ specs, data }: EncodedWeights): string | undefined {
  // a converter's float16 are decoded first
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

/** Makes tensors of weights for `use`, and disposes them after. */
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
    Array.isArray(shape) &&
    shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
    // both of four bytes; only an optimizer counts
    (dtype === 'float32' || (dtype === 'int32' && group === 'optimizer')) &&
    (quantization === undefined || (group !== 'optimizer' && isFloat16(quantization)))
  );
}

/** What tfjs's converter writes with `--quantize_float16`: half the size, and read as float32. Coarser kinds change what a model finds. */
const isFloat16 = (quantization: unknown): boolean =>
  isRecord(quantization) && quantization['dtype'] === 'float16';
