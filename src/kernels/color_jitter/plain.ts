import * as tf from '@tensorflow/tfjs';
import { registerHostKernel } from '../host_kernel';
import { jitterGradient, LUMINANCE } from './composed';
import { COLOR_JITTER_KERNEL, type ColorJitterAttrs } from './contract';

registerHostKernel<ColorJitterAttrs>(COLOR_JITTER_KERNEL, {
  outputShape: (shape) => shape,
  compute: jitterValues,
});

tf.registerGradient({
  kernelName: COLOR_JITTER_KERNEL,
  inputsToSave: ['x'],
  gradFunc: (dy, [saved], attrs) => {
    const { brightness, contrast } = attrs as unknown as ColorJitterAttrs;
    return { x: () => jitterGradient(dy as tf.Tensor4D, saved as tf.Tensor4D, brightness, contrast) };
  },
});

/** One pass for brightness and the mean, one for contrast; `out` may be `x`. */
export function jitterValues(
  x: Float32Array,
  out: Float32Array,
  shape: number[],
  { brightness, contrast }: ColorJitterAttrs,
): void {
  const [count, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  const weights = channels === 3 ? LUMINANCE : [1];
  const divisor = channels === 3 ? height * width : size;
  for (let start = 0; start < count * size; start += size) {
    let sum = 0;
    for (let i = start; i < start + size; i++) {
      out[i] = clip(brightness * x[i]!);
      sum += weights[(i - start) % weights.length]! * out[i]!;
    }
    if (contrast === 1) continue;
    const offset = ((1 - contrast) * sum) / divisor;
    for (let i = start; i < start + size; i++) out[i] = clip(contrast * out[i]! + offset);
  }
}

function clip(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
