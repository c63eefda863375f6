/// <reference types="vite/client" />
import * as tf from '@tensorflow/tfjs';
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

type Started = Promise<[backend: 'wasm' | 'cpu', words: string]>;

let started: Started | undefined;

/** Activates WebAssembly, or plain JavaScript if that is not available. @returns Its name, to be shown. */
export async function computing(): Promise<string> {
  started ??= start();
  const [backend, words] = await started;
  await tf.setBackend(backend);
  return words;
}

/** Keeps pixels in plain memory, outside that of the models. */
export const reading = (): Promise<boolean> => tf.setBackend('cpu');

async function start(): Started {
  try {
    const { threads } = await useBrowserBackend('wasm');
    return ['wasm', threads > 1 ? `WebAssembly on ${threads} threads` : 'WebAssembly'];
  } catch (error) {
    console.warn(error);
    return ['cpu', 'plain JavaScript'];
  }
}
