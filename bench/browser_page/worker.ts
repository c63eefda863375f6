// The page's Web Worker, which computes everything: `start` first, then measurements by name.
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { useBrowserBackend } from 'ct-multilabel';
import { predictor, trainer, type Backbone, type Timed } from './work';

/** The part of onnxruntime-web that is used here. */
interface OnnxRuntime {
  env: { wasm: { numThreads: number } };
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      inputNames: string[];
      outputNames: string[];
      run(feeds: object): Promise<Record<string, { data: Float32Array }>>;
    }>;
  };
  Tensor: new (type: 'float32', values: Float32Array, shape: number[]) => unknown;
}

/** URL of the page's files, in their separate folder. */
const at = (file: string) => new URL(`/${file}`, location.href).href;

let steps: Partial<Record<Backbone, () => Timed>> = {};
let forward: { name: Backbone; ours: () => Timed } | undefined;
let peer: { name: Backbone; onnx: () => Promise<Timed> } | undefined;

const METHODS = {
  start: (threads: number) => {
    setWasmPaths(at('tfjs/'));
    return useBrowserBackend('wasm', { threads });
  },
  step: (name: Backbone) => (steps[name] ??= trainer(name))(),
  ours: async (name: Backbone) => (await prepared(name)).ours(),
  onnx: async (name: Backbone, threads: number) => (await preparedPeer(name, threads)).onnx(),
};

async function prepared(name: Backbone) {
  if (forward?.name === name) return forward;
  steps = {};
  return (forward = { name, ours: (await predictor(name)).run });
}

async function preparedPeer(name: Backbone, threads: number) {
  if (peer?.name === name) return peer;
  const { onnx: model, images, shape } = await predictor(name);
  const runtime = (await import(/* @vite-ignore */ at('onnx/ort.wasm.min.mjs'))) as OnnxRuntime;
  runtime.env.wasm.numThreads = threads;
  const session = await runtime.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const feeds = { [session.inputNames[0]!]: new runtime.Tensor('float32', images, shape) };
  const onnx = async () => {
    const start = performance.now();
    const { data } = (await session.run(feeds))[session.outputNames[0]!]!;
    return { ms: performance.now() - start, values: [...data] };
  };
  return (peer = { name, onnx });
}

addEventListener('message', async ({ data: [method, ...args] }) => {
  try {
    const result = await (METHODS[method as keyof typeof METHODS] as (...all: unknown[]) => unknown)(...args);
    postMessage({ result });
  } catch (error) {
    postMessage({ error: (error as Error).message });
  }
});
