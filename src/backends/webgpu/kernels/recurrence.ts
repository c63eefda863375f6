import type * as tf from '@tensorflow/tfjs';
import type { WebGpuBackend } from '../backend';
import { forEach, groupsFor, launch } from '../launch';

/*
 * A recurrence runs in one launch per direction: each workgroup computes all steps of one row of the batch, since only
 * threads of one workgroup can synchronise. States are passed between steps in device memory, so that any width fits.
 */

/** Threads per workgroup: as many as the device supports, at most 1024. */
export function recurrentThreads({ device: { limits } }: WebGpuBackend): number {
  return Math.min(1024, limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
}

/** Activations that are accurate near 0 and far from it. */
export const ACTIVATIONS = `
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn tangent(x: f32) -> f32 {
  let s = x * x;
  let small = x * (1.0 - s * (1.0 / 3.0 - s * (2.0 / 15.0 - s * (17.0 / 315.0 - s * (62.0 / 2835.0)))));
  let e = exp(-2.0 * abs(x));
  return select(sign(x) * ((1.0 - e) / (1.0 + e)), small, abs(x) < 0.25);
}`;

/**
 * Computes `gates` sums over the state at `before` in `kept`, times `kernel`, for each unit; then runs `then` in one
 * thread for each unit `j`, with the sums as `a[0]`, `a[1]`, …. In narrow layers several threads share a unit's sum.
 * Use it once per program.
 */
export const forwardProduct = (
  gates: number,
  threads: number,
  then: string,
): { declarations: string; main: string } => ({
  declarations: `var<workgroup> parts: array<array<f32, ${gates}>, ${threads}>;`,
  main: `
    let width = min(u.units, ${threads}u);
    let shares = ${threads}u / width;
    let share = thread / width;
    for (var block = 0u; block < u.units; block += width) {
      let j = block + thread % width;
      let here = share < shares && j < u.units;
      var a = array<f32, ${gates}>();
      if (here) {
        for (var i = share; i < u.units; i += shares) {
          let h = kept[before + i];
          let row = i * ${gates}u * u.units + j;
          ${each(gates, (k) => `a[${k}] += h * kernel[row + ${k}u * u.units];`)}
        }
      }
      parts[thread] = a;
      workgroupBarrier();
      if (here && share == 0u) {
        for (var other = 1u; other < shares; other++) {
          ${each(gates, (k) => `a[${k}] += parts[other * width + thread][${k}];`)}
        }
        ${then}
      }
      workgroupBarrier();
    }`,
});

/** Threads that share the sum of a row. */
const LANES = 16;

/** Adds the sums of `da` at `products`, times the rows of `kernel`, to `state` from `b * units`. */
export const backwardProduct = (gates: number, threads: number): { declarations: string; main: string } => ({
  declarations: `var<workgroup> lanes: array<f32, ${threads}>;`,
  main: `
    for (var block = 0u; block < u.units; block += ${threads / LANES}u) {
      let j = block + thread / ${LANES}u;
      var sum = 0.0;
      if (j < u.units) {
        for (var k = thread % ${LANES}u; k < ${gates}u * u.units; k += ${LANES}u) {
          sum += da[products + k] * kernel[j * ${gates}u * u.units + k];
        }
      }
      lanes[thread] = sum;
      workgroupBarrier();
      if (thread % ${LANES}u == 0u && j < u.units) {
        for (var l = 1u; l < ${LANES}u; l++) { sum += lanes[thread + l]; }
        state[b * u.units + j] += sum;
      }
      workgroupBarrier();
    }`,
});

/** The gradients of a direction's kernel and bias: sums over all steps of `h^T da` and of `da`. */
export function weightGradients(
  backend: WebGpuBackend,
  name: string,
  tensors: Record<'kept' | 'da' | 'dKernel' | 'dBias', tf.TensorInfo>,
  { steps, batch, start }: { steps: number; batch: number; start: number },
): void {
  const { kept, da, dKernel, dBias } = tensors;
  const [units, width] = dKernel.shape as [number, number];
  const count = (units + 1) * width;
  launch(backend, {
    name,
    inputs: { kept, da },
    outputs: { dKernel, dBias },
    whole: { units, width, count, rows: steps * batch, start },
    groups: [groupsFor(count)],
    main: forEach(
      'u.count',
      `let row = i / u.width;
       let k = i % u.width;
       var sum = 0.0;
       if (row < u.units) {
         for (var n = 0u; n < u.rows; n++) { sum += kept[u.start + n * u.units + row] * da[n * u.width + k]; }
         dKernel[i] = sum;
       } else {
         for (var n = 0u; n < u.rows; n++) { sum += da[n * u.width + k]; }
         dBias[k] = sum;
       }`,
    ),
  });
}

const each = (count: number, text: (k: number) => string) =>
  Array.from({ length: count }, (_, k) => text(k)).join(' ');
