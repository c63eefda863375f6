import type { Candidate } from './compare';

/** The common part of onnxruntime-node and onnxruntime-web that is used here. */
interface OnnxRuntime {
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: Record<string, unknown>): Promise<{ y: { data: Float32Array } }>;
    }>;
  };
  Tensor: new (type: 'float32', values: Float32Array, shape: number[]) => unknown;
  env: { wasm?: { numThreads: number } };
}

/** A runtime that runs a model on an image stack. */
export interface OnnxPeer {
  run: Candidate;
  /** Its last output. */
  output(): Float32Array;
}

/**
 * `onnxruntime-node` (native) or `onnxruntime-web` (WebAssembly), on the CPU with this number of threads.
 *
 * @returns Undefined if the package is not installed (npm run bench installs it in bench/).
 */
export async function onnxPeer(
  name: 'onnxruntime-node' | 'onnxruntime-web',
  {
    model,
    images,
    shape,
    threads,
  }: { model: Uint8Array; images: Float32Array; shape: number[]; threads: number },
): Promise<OnnxPeer | undefined> {
  const runtime = (await import(name).catch(() => undefined)) as OnnxRuntime | undefined;
  if (runtime === undefined) return undefined;
  const web = name === 'onnxruntime-web';
  if (web) runtime.env.wasm!.numThreads = threads;
  const session = await runtime.InferenceSession.create(model, {
    executionProviders: [web ? 'wasm' : 'cpu'],
    intraOpNumThreads: threads,
  });
  let last = new Float32Array();
  return {
    run: async () => {
      const { y } = await session.run({ x: new runtime.Tensor('float32', images, shape) });
      last = y.data as Float32Array<ArrayBuffer>;
    },
    output: () => last,
  };
}
