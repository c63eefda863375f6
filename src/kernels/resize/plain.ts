import * as tf from '@tensorflow/tfjs';
import { registerHostKernel } from '../host_kernel';
import { resizeGradient } from './composed';
import { RESIZE_KERNEL, type ResizeAttrs } from './contract';

/** Filters vertically into one row at a time, then horizontally. */
registerHostKernel<ResizeAttrs>(RESIZE_KERNEL, {
  outputShape: ([count, , , channels], { rows, columns }) => [
    count!,
    rows.first.length,
    columns.first.length,
    channels!,
  ],
  compute(x, out, shape, { rows, columns }) {
    const [count, height, width, channels] = shape as [number, number, number, number];
    const row = new Float32Array(width * channels);
    let to = 0;
    for (let n = 0; n < count; n++) {
      for (let y = 0; y < rows.first.length; y++) {
        row.fill(0);
        for (let t = 0; t < rows.taps; t++) {
          const weight = rows.weights[y * rows.taps + t]!;
          const from = (n * height + rows.first[y]! + t) * row.length;
          if (weight !== 0) for (let i = 0; i < row.length; i++) row[i]! += weight * x[from + i]!;
        }
        for (let i = 0; i < columns.first.length; i++) {
          for (let k = 0; k < channels; k++, to++) {
            let sum = 0;
            for (let t = 0; t < columns.taps; t++) {
              sum += row[(columns.first[i]! + t) * channels + k]! * columns.weights[i * columns.taps + t]!;
            }
            out[to] = sum;
          }
        }
      }
    }
  },
});

tf.registerGradient({
  kernelName: RESIZE_KERNEL,
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({
    x: () => resizeGradient(dy as tf.Tensor4D, x as tf.Tensor4D, attrs as unknown as ResizeAttrs),
  }),
});
