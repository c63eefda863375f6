/// <reference types="vite/client" />
import * as tf from '@tensorflow/tfjs';
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

let started: Promise<string> | undefined;

/** Computes on WebAssembly from now on, or in plain JavaScript where that cannot be had. @returns Its name, for people. */
export async function computing(): Promise<string> {
  started ??= start();
  const name = await started;
  await tf.setBackend(name.startsWith('WebAssembly') ? 'wasm' : 'cpu');
  return name;
}

/** Pixels that are read stay in plain memory, outside of the one that models have. */
export const reading = (): Promise<boolean> => tf.setBackend('cpu');

async function start(): Promise<string> {
  try {
    const { threads } = await useBrowserBackend('wasm');
    return threads > 1 ? `WebAssembly, ${threads} threads` : 'WebAssembly';
  } catch (error) {
    console.warn(error);
    return 'plain JavaScript';
  }
}
