import { BinaryReader } from '@bufbuild/protobuf/wire';
import * as tf from '@tensorflow/tfjs';
import * as nodeRuntime from 'onnxruntime-node';
import * as webRuntime from 'onnxruntime-web/wasm';

/** onnxruntime as native code, the oldest that is likely to be met, and as WebAssembly, the newest. */
export const RUNTIMES = ['onnxruntime-node', 'onnxruntime-web'] as const;

export type RuntimeName = (typeof RUNTIMES)[number];

/** What a model file gives for images. */
export interface OnnxResult {
  logits: tf.Tensor;
  probabilities: tf.Tensor;
  inputNames: readonly string[];
  outputNames: readonly string[];
}

/** Runs a model file. */
export async function runOnnx(
  name: RuntimeName,
  bytes: Uint8Array,
  images: tf.Tensor,
  lengths?: readonly number[],
): Promise<OnnxResult> {
  const { InferenceSession, Tensor } = name === 'onnxruntime-node' ? nodeRuntime : webRuntime;
  if (name === 'onnxruntime-web') webRuntime.env.wasm.numThreads = 1;
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
  const session = await InferenceSession.create(bytes as never, options as never);
  const feeds: Record<string, unknown> = {
    images: new Tensor('float32', images.dataSync<'float32'>(), images.shape),
  };
  if (lengths) feeds['lengths'] = new Tensor('int32', Int32Array.from(lengths), [lengths.length]);
  const { inputNames, outputNames } = session;
  const results = await session.run(feeds as never);
  const [logits, probabilities] = outputNames.map((output) => {
    const { data, dims } = results[output]!;
    return tf.tensor(data as Float32Array, [...dims], 'float32');
  });
  await session.release();
  return { logits: logits!, probabilities: probabilities!, inputNames, outputNames };
}

/** The texts that a model file holds beside its graph, read by the format alone: its card, and its metadata. */
export function onnxTexts(bytes: Uint8Array): { docString: string; metadata: Record<string, string> } {
  const reader = new BinaryReader(bytes);
  const metadata: Record<string, string> = {};
  let docString = '';
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 6) docString = reader.string();
    else if (field === 14) {
      const entry = new BinaryReader(reader.bytes());
      entry.tag();
      const key = entry.string();
      entry.tag();
      metadata[key] = entry.string();
    } else reader.skip(type);
  }
  return { docString, metadata };
}
