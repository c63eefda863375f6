/// <reference types="vite/client" />
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { prepareWasmBackend } from 'ct-multilabel';

// Vite gives the files other names; the backend asks for these
setWasmPaths({
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/** What a browser can compute on. WebGL and WebGPU are its GPU's; the last is slow, and always there. */
export const BACKENDS = ['wasm', 'webgl', 'webgpu', 'cpu'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Makes `name` the active backend, with the library's kernels where it has some for it. */
export async function startBackend(name: Backend): Promise<void> {
  const ready = await tf.setBackend(name).catch(() => false);
  if (!ready) throw new Error(`This browser does not offer ${name}.`);
  if (name === 'wasm') await prepareWasmBackend();
}
