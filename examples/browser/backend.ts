/// <reference types="vite/client" />
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { useBrowserBackend } from 'ct-multilabel';

// Vite renames the files; the backend requests these names
setWasmPaths({
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/** Backends of a browser. WebGL and WebGPU use the GPU; plain JavaScript is slow but always available. */
export const BACKENDS = ['wasm', 'webgl', 'webgpu', 'cpu'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Activates a backend, prepared by the library: with kernels, a memory guard and, in a worker, threads. */
export const startBackend = (name: Backend, options?: Parameters<typeof useBrowserBackend>[1]) =>
  useBrowserBackend(name, options);
