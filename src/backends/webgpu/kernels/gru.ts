import type * as tf from '@tensorflow/tfjs';
import { GRU_BACKWARD_KERNEL, GRU_FORWARD_KERNEL, type RecurrentAttrs } from '../../../kernels/gru/contract';
import { launch, webGpuKernel } from '../launch';
import {
  ACTIVATIONS,
  backwardProduct,
  forwardProduct,
  recurrentThreads,
  weightGradients,
} from './recurrence';

/** Tensors by the names of the contract. */
type Inputs = Record<string, tf.TensorInfo | undefined>;

/**
 * Layout of the values saved for a direction: states before and after each step, then `r`, `z`, `n` and `a_n` of each.
 */
function layoutOf(steps: number, batch: number, units: number): { gates: number; size: number } {
  const gates = (steps + 1) * batch * units;
  return { gates, size: gates + steps * batch * 4 * units };
}

export const gruForward = webGpuKernel<string, RecurrentAttrs>(
  GRU_FORWARD_KERNEL,
  ({ inputs, attrs: { directions, steps }, backend, results }) => {
    const { initial, mask }: Inputs = inputs;
    const [batch] = inputs.inputs0!.shape as [number];
    const [units] = inputs.kernel0!.shape as [number];
    const { gates, size } = layoutOf(steps, batch, units);
    const y = results.make([batch, steps, directions * units]);
    const kept = results.make([directions, size]);
    const threads = recurrentThreads(backend);
    const product = forwardProduct(
      3,
      threads,
      `let r = sigmoid(x[at + j] + (a[0] + bias[j]));
       let z = sigmoid(x[at + u.units + j] + (a[1] + bias[u.units + j]));
       let recurrent = a[2] + bias[2u * u.units + j];
       let n = tangent(x[at + 2u * u.units + j] + r * recurrent);
       let h = kept[before + j];
       let next = n + z * (h - n);
       let state = ${mask ? 'h + keep * (next - h)' : 'next'};
       kept[before + u.batch * u.units + j] = state;
       kept[gate + j] = r;
       kept[gate + u.units + j] = z;
       kept[gate + 2u * u.units + j] = n;
       kept[gate + 3u * u.units + j] = recurrent;
       y[row * u.width + u.column + j] = ${mask ? 'keep * state' : 'state'};`,
    );
    for (let d = 0; d < directions; d++) {
      launch(backend, {
        name: GRU_FORWARD_KERNEL,
        inputs: {
          x: inputs[`inputs${d}`],
          kernel: inputs[`kernel${d}`],
          bias: inputs[`bias${d}`],
          initial,
          mask,
        },
        outputs: { y, kept },
        whole: {
          ...{ units, batch, steps, reverse: d, start: d * size, gates: d * size + gates },
          ...{ width: directions * units, column: d * units },
        },
        groups: [batch],
        threads,
        declarations: ACTIVATIONS + product.declarations,
        main: `
          let b = group.x;
          for (var j = thread; j < u.units; j += ${threads}u) {
            kept[u.start + b * u.units + j] = ${initial ? 'initial[b * u.units + j]' : '0.0'};
          }
          storageBarrier();
          for (var s = 0u; s < u.steps; s++) {
            let row = b * u.steps + select(s, u.steps - 1u - s, u.reverse == 1u);
            let at = row * 3u * u.units;
            let before = u.start + (s * u.batch + b) * u.units;
            let gate = u.gates + (s * u.batch + b) * 4u * u.units;
            ${mask ? 'let keep = f32(mask[row]);' : ''}
            ${product.main}
            storageBarrier();
          }`,
      });
    }
    return [y, kept];
  },
);

export const gruBackward = webGpuKernel<string, RecurrentAttrs>(
  GRU_BACKWARD_KERNEL,
  ({ inputs, attrs: { directions, steps }, backend, results }) => {
    const { dy, kept, initial, mask }: Inputs = inputs;
    const [batch] = dy!.shape as [number];
    const [units] = inputs.kernel0!.shape as [number];
    const { gates, size } = layoutOf(steps, batch, units);
    const threads = recurrentThreads(backend);
    const product = backwardProduct(3, threads);
    const gradients = Array.from({ length: directions }, (_, d) => {
      const dx = results.make([batch, steps, 3 * units]);
      const [dKernel, dBias] = [results.make([units, 3 * units]), results.make([3 * units])];
      const state = initial ? results.make([batch, units]) : results.scratch([batch, units]);
      const da = results.scratch([steps, batch, 3 * units]);
      launch(backend, {
        name: GRU_BACKWARD_KERNEL,
        inputs: { dy, kept, kernel: inputs[`kernel${d}`], mask },
        outputs: { dx, da, state },
        whole: {
          ...{ units, batch, steps, reverse: d, start: d * size, gates: d * size + gates },
          ...{ width: directions * units, column: d * units },
        },
        groups: [batch],
        threads,
        declarations: product.declarations,
        main: `
          let b = group.x;
          for (var s = u.steps; s > 0u; s--) {
            let step = (s - 1u) * u.batch + b;
            let row = b * u.steps + select(s - 1u, u.steps - s, u.reverse == 1u);
            let before = u.start + step * u.units;
            let gate = u.gates + step * 4u * u.units;
            let at = row * 3u * u.units;
            let products = step * 3u * u.units;
            ${mask ? 'let keep = f32(mask[row]);' : ''}
            for (var j = thread; j < u.units; j += ${threads}u) {
              let r = kept[gate + j];
              let z = kept[gate + u.units + j];
              let n = kept[gate + 2u * u.units + j];
              let recurrent = kept[gate + 3u * u.units + j];
              let later = select(state[b * u.units + j], 0.0, s == u.steps);
              let given = dy[row * u.width + u.column + j];
              let total = later + ${mask ? 'keep * given' : 'given'};
              let d = ${mask ? 'keep * total' : 'total'};
              let toNew = d * ((1.0 - z) * (1.0 - n * n));
              let toReset = toNew * (recurrent * (r * (1.0 - r)));
              let toUpdate = d * ((kept[before + j] - n) * (z * (1.0 - z)));
              dx[at + j] = toReset;
              dx[at + u.units + j] = toUpdate;
              dx[at + 2u * u.units + j] = toNew;
              da[products + j] = toReset;
              da[products + u.units + j] = toUpdate;
              da[products + 2u * u.units + j] = toNew * r;
              state[b * u.units + j] = d * z ${mask ? '+ (total - d)' : ''};
            }
            storageBarrier();
            ${product.main}
            storageBarrier();
          }`,
      });
      weightGradients(
        backend,
        GRU_BACKWARD_KERNEL,
        { kept: kept!, da, dKernel, dBias },
        { steps, batch, start: d * size },
      );
      return { list: [dx, dKernel, dBias], state };
    });
    return [
      ...gradients.flatMap(({ list }) => list),
      ...(initial ? gradients.map(({ state }) => state) : []),
    ];
  },
);
