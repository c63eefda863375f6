/// <reference types="vite/client" />
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { useBrowserBackend } from 'ct-multilabel';

// Vite gives the files other names; the backend asks for these
setWasmPaths({
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/** What a browser can compute on. WebGL and WebGPU are its GPU's; the last is slow, and always there. */
export const BACKENDS = ['wasm', 'webgl', 'webgpu', 'cpu'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Makes `name` the active backend, with all that the library has for it: kernels, threads where this is a worker, a memory guard. */
export const startBackend = (name: Backend, options?: Parameters<typeof useBrowserBackend>[1]) =>
  useBrowserBackend(name, options);
