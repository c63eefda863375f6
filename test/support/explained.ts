import * as tf from '@tensorflow/tfjs';
import { beforeEach } from 'vitest';
import { prepareWasmBackend } from '../../src/backends/prepare_wasm_backend';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import type { CtBrainModelOptions } from '../../src/models/options';
import './backends';
import { tinyBackbone } from './memory_source';

/** Height and width of {@link stack}. */
export const SIZE = 16;

/** One patient's slices. */
export const stack = (slices: number, seed = 1) =>
  tf.randomUniform([slices, SIZE, SIZE, 1], 0, 1, 'float32', seed) as tf.Tensor4D;

/** A small model of two labels, to be explained. */
export const built = (options: CtBrainModelOptions = {}) =>
  buildCtBrainModel({ backbone: tinyBackbone(), labels: ['a', 'b'], seed: 2, ...options });

beforeEach(async () => {
  await tf.setBackend('wasm');
  await prepareWasmBackend();
});
