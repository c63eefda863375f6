import * as tf from '@tensorflow/tfjs';
import { optional, rule } from '../base/options';
import { largestBuffer } from '../kernels/preparation';

/** Layers whose output tfjs computes in several steps, all of which are kept for the gradient. */
const STEPS_KEPT: Record<string, number> = { Conv2D: 3, BatchNormalization: 3 };

/**
 * Memory that one slice takes while a gradient is computed, in bytes: every layer's output and, until the backward pass
 * has ended, its gradient; estimated from the layers' shapes.
 */
export function activationBytesPerSlice(backbone: tf.layers.Layer): number {
  const steps = layersOf(backbone).map((layer) => STEPS_KEPT[layer.getClassName()] ?? 1);
  return outputBytes(backbone).reduce((sum, bytes, i) => sum + 2 * bytes * steps[i]!, 0);
}

/**
 * Memory that one slice takes without a gradient, in bytes: a layer's input, its output, and the output of a parallel
 * branch; estimated from the largest output.
 */
export function predictionBytesPerSlice(backbone: tf.layers.Layer): number {
  return 4 * Math.max(0, ...outputBytes(backbone));
}

const layersOf = (backbone: tf.layers.Layer) => (backbone instanceof tf.LayersModel ? backbone.layers : []);

function outputBytes(backbone: tf.layers.Layer): number[] {
  return layersOf(backbone).map((layer) => {
    const shape = layer.outputShape as (number | null)[];
    return shape.slice(1).reduce<number>((product, n) => product * (n ?? 1), 4);
  });
}

/**
 * Bytes of activations that training keeps at once by default: 768 MiB, far below the 4 GiB of WebAssembly; on WebGPU
 * half of the device's maximum buffer size, since a device reports no other measure of its memory.
 */
export const trainingBudget = (): number => deviceBudget() ?? 0.75 * 2 ** 30;

/** The same without a gradient, which keeps less: 512 MiB, or according to the device's limits. */
export const predictionBudget = (): number => deviceBudget() ?? 512 * 2 ** 20;

function deviceBudget(): number | undefined {
  const buffer = largestBuffer();
  return buffer === undefined ? undefined : buffer / 2;
}

const atLeast = (least: number) =>
  rule<number>(`at least ${least}`, (value) => typeof value === 'number' && value >= least);

/** Options for how much of a stack goes through the backbone at once; infinite values mean all of it. */
export const CHUNK_RULES = {
  memoryBudget: optional(atLeast(0)),
  chunkSlices: optional(atLeast(1)),
};

/** Number of slices that go through the backbone at once within a memory budget: at least one. */
export function slicesPerChunk(bytesPerSlice: number, memoryBudget: number): number {
  return bytesPerSlice === 0 ? Infinity : Math.max(1, Math.floor(memoryBudget / bytesPerSlice));
}
