import type * as tf from '@tensorflow/tfjs';
import {
  BATCH_NORM_GRADIENT_KERNEL,
  BATCH_NORM_KERNEL,
  COMBINE_KERNEL,
  MOVING_MOMENTS_KERNEL,
  RELU_BIAS_GRADIENT_KERNEL,
  type BatchNormAttrs,
  type BatchNormGradientAttrs,
  type MovingMomentsAttrs,
} from '../../../kernels/columns/contract';
import type { WebGpuBackend } from '../backend';
import { forEach, groupsFor, launch, sizeOf, webGpuKernel, type Results } from '../launch';
import { addParts, partialSums } from './column_sums';

/** `dy a + x b + c`. */
function combineInto(
  backend: WebGpuBackend,
  inputs: Record<'dy' | 'x' | 'a' | 'b' | 'c', tf.TensorInfo>,
  out: tf.TensorInfo,
): void {
  const [count, columns] = [sizeOf(out.shape), out.shape.at(-1)!];
  launch(backend, {
    name: COMBINE_KERNEL,
    inputs,
    outputs: { out },
    whole: { count, columns },
    groups: [groupsFor(count)],
    main: forEach('u.count', 'let k = i % u.columns; out[i] = dy[i] * a[k] + x[i] * b[k] + c[k];'),
  });
}

/** `dz = dy where y > 0`, and its sums. */
export const reluBiasGradient = webGpuKernel<'dy' | 'y', undefined>(
  RELU_BIAS_GRADIENT_KERNEL,
  ({ inputs, backend, results }) => {
    const dz = results.make(inputs.y.shape);
    const parts = partialSums(backend, results, inputs.y.shape, {
      ...{ name: RELU_BIAS_GRADIENT_KERNEL, inputs, outputs: { dz }, sums: 1 },
      row: 'let d = select(0.0, dy[i], y[i] > 0.0); dz[i] = d; sum0 += d;',
    });
    const [db] = addParts(backend, results, RELU_BIAS_GRADIENT_KERNEL, parts);
    return [dz, db!];
  },
);

/** Mean and variance, and the updated moving averages. */
export const movingMoments = webGpuKernel<'x' | 'movingMean' | 'movingVariance', MovingMomentsAttrs>(
  MOVING_MOMENTS_KERNEL,
  ({ inputs: { x, movingMean, movingVariance }, attrs: { momentum }, backend, results }) =>
    moments(backend, results, MOVING_MOMENTS_KERNEL, x, { movingMean, movingVariance, momentum }),
);

/** First of each part, then of all, which avoids the cancellation of large squares. */
function moments(
  backend: WebGpuBackend,
  results: Results,
  name: string,
  x: tf.TensorInfo,
  moving?: { movingMean: tf.TensorInfo; movingVariance: tf.TensorInfo; momentum: number },
): tf.TensorInfo[] {
  const parts = partialSums(backend, results, x.shape, {
    ...{ name, inputs: { x }, outputs: {}, sums: 2 },
    row: 'sum0 += x[i];',
    // squares about the part's own mean
    second: 'let d = x[i] - mean; sum1 += d * d;',
  });
  const { columns, rows, count, perPart } = parts;
  const { movingMean, movingVariance, momentum = 0 } = moving ?? {};
  const [mean, variance] = [results.make([columns]), results.make([columns])];
  const [movedMean, movedVariance] = moving ? [results.make([columns]), results.make([columns])] : [];
  launch(backend, {
    name,
    inputs: { partial: parts.partial, movingMean, movingVariance },
    outputs: { mean, variance, movedMean, movedVariance },
    whole: { columns, rows, parts: count, perPart },
    real: { momentum, share: 1 - momentum },
    groups: [groupsFor(columns)],
    main: forEach(
      'u.columns',
      `var total = 0.0;
       for (var p = 0u; p < u.parts; p++) { total += partial[(2u * p) * u.columns + i]; }
       let centre = total / f32(u.rows);
       var squares = 0.0;
       for (var p = 0u; p < u.parts; p++) {
         let n = f32(min(u.perPart, u.rows - p * u.perPart));
         let apart = partial[(2u * p) * u.columns + i] / n - centre;
         squares += partial[(2u * p + 1u) * u.columns + i] + n * apart * apart;
       }
       let spread = squares / f32(u.rows);
       mean[i] = centre;
       variance[i] = spread;
       ${
         moving
           ? `movedMean[i] = movingMean[i] * u.momentum + centre * u.share;
       movedVariance[i] = movingVariance[i] * u.momentum + spread * u.share;`
           : ''
       }`,
    ),
  });
  return [mean, variance, ...(movedMean && movedVariance ? [movedMean, movedVariance] : [])];
}

/** `y`, and for each column the scale and the inverse standard deviation. */
export const batchNorm = webGpuKernel<'x' | 'gamma' | 'beta' | 'mean' | 'variance', BatchNormAttrs>(
  BATCH_NORM_KERNEL,
  ({ inputs, attrs: { epsilon }, backend, results }) => {
    const { x } = inputs;
    const [count, columns] = [sizeOf(x.shape), x.shape.at(-1)!];
    const y = results.make(x.shape);
    const [scale, inverse] = [results.make([columns]), results.make([columns])];
    launch(backend, {
      name: BATCH_NORM_KERNEL,
      inputs,
      outputs: { y, scale, inverse },
      whole: { count, columns },
      real: { epsilon },
      groups: [groupsFor(count)],
      main: forEach(
        'u.count',
        `let c = i % u.columns;
         let inv = 1.0 / sqrt(variance[c] + u.epsilon);
         let s = gamma[c] * inv;
         y[i] = x[i] * s + (beta[c] - mean[c] * s);
         if (i < u.columns) { scale[i] = s; inverse[i] = inv; }`,
      ),
    });
    return [y, scale, inverse];
  },
);

/** `dx`, `dgamma` and `dbeta`. */
export const batchNormGradient = webGpuKernel<
  'dy' | 'x' | 'scale' | 'inverse' | 'mean',
  BatchNormGradientAttrs
>(
  BATCH_NORM_GRADIENT_KERNEL,
  ({ inputs: { dy, x, scale, inverse, mean }, attrs: { byBatch }, backend, results }) => {
    const name = BATCH_NORM_GRADIENT_KERNEL;
    const dx = results.make(x.shape);
    const parts = partialSums(backend, results, x.shape, {
      ...{ name, sums: 2 },
      inputs: { dy, x, mean, scale: byBatch ? undefined : scale },
      outputs: { dx: byBatch ? undefined : dx },
      row: `let d = dy[i]; sum0 += d; sum1 += d * (x[i] - mean[c]); ${byBatch ? '' : 'dx[i] = d * scale[c];'}`,
    });
    const { partial, columns, rows, count } = parts;
    const [dgamma, dbeta] = [results.make([columns]), results.make([columns])];
    const [b, c] = byBatch ? [results.scratch([columns]), results.scratch([columns])] : [];
    launch(backend, {
      name,
      inputs: { partial, inverse, ...(byBatch ? { scale, mean } : {}) },
      outputs: { dgamma, dbeta, b, c },
      whole: { columns, rows, parts: count },
      groups: [groupsFor(columns)],
      main: forEach(
        'u.columns',
        `var sums = 0.0;
         var dots = 0.0;
         for (var p = 0u; p < u.parts; p++) {
           sums += partial[(2u * p) * u.columns + i];
           dots += partial[(2u * p + 1u) * u.columns + i];
         }
         let n = f32(max(u.rows, 1u));
         dots *= inverse[i];
         dgamma[i] = dots;
         dbeta[i] = sums;
         ${
           byBatch
             ? `let slope = -scale[i] * inverse[i] * (dots / n);
         b[i] = slope;
         c[i] = -(scale[i] * (sums / n) + slope * mean[i]);`
             : ''
         }`,
      ),
    });
    if (byBatch) combineInto(backend, { dy, x, a: scale, b: b!, c: c! }, dx);
    return [dx, dgamma, dbeta];
  },
);
