import type { RecurrentAttrs } from '../../../kernels/gru/contract';
import { LSTM_BACKWARD_KERNEL, LSTM_FORWARD_KERNEL } from '../../../kernels/lstm/contract';
import { launch, webGpuKernel } from '../launch';
import {
  ACTIVATIONS,
  backwardProduct,
  forwardProduct,
  recurrentThreads,
  weightGradients,
} from './recurrence';

/**
 * Layout of the values saved for a direction: states, then cells, before and after each step; then `i`, `f`, `g`, `o`
 * and `tanh(c')` of each.
 */
function layoutOf(
  steps: number,
  batch: number,
  units: number,
): { cells: number; gates: number; size: number } {
  const cells = (steps + 1) * batch * units;
  return { cells, gates: 2 * cells, size: 2 * cells + steps * batch * 5 * units };
}

export const lstmForward = webGpuKernel<string, RecurrentAttrs>(
  LSTM_FORWARD_KERNEL,
  ({ inputs, attrs: { directions, steps }, backend, results }) => {
    const { initial } = inputs;
    const [batch, units] = initial!.shape as [number, number];
    const { cells, gates, size } = layoutOf(steps, batch, units);
    const y = results.make([batch, steps, directions * units]);
    const kept = results.make([directions, size]);
    const threads = recurrentThreads(backend);
    const product = forwardProduct(
      4,
      threads,
      `let i = sigmoid(a[0] + bias[j]);
       let f = sigmoid(a[1] + bias[u.units + j]);
       let g = tangent(a[2] + bias[2u * u.units + j]);
       let o = sigmoid(a[3] + bias[3u * u.units + j]);
       let cell = f * kept[u.cells + before + j] + i * g;
       let squashed = tangent(cell);
       let next = before + u.batch * u.units + j;
       kept[u.cells + next] = cell;
       kept[next] = o * squashed;
       kept[gate + j] = i;
       kept[gate + u.units + j] = f;
       kept[gate + 2u * u.units + j] = g;
       kept[gate + 3u * u.units + j] = o;
       kept[gate + 4u * u.units + j] = squashed;
       y[row * u.width + u.column + j] = o * squashed;`,
    );
    for (let d = 0; d < directions; d++) {
      launch(backend, {
        name: LSTM_FORWARD_KERNEL,
        inputs: { kernel: inputs[`kernel${d}`], bias: inputs[`bias${d}`], initial },
        outputs: { y, kept },
        whole: {
          ...{ units, batch, steps, cells, reverse: d, start: d * size, gates: d * size + gates },
          ...{ width: directions * units, column: d * units },
        },
        groups: [batch],
        threads,
        declarations: ACTIVATIONS + product.declarations,
        main: `
          let b = group.x;
          for (var j = thread; j < u.units; j += ${threads}u) {
            kept[u.start + b * u.units + j] = initial[b * u.units + j];
            kept[u.start + u.cells + b * u.units + j] = 0.0;
          }
          storageBarrier();
          for (var s = 0u; s < u.steps; s++) {
            let row = b * u.steps + select(s, u.steps - 1u - s, u.reverse == 1u);
            let before = u.start + (s * u.batch + b) * u.units;
            let gate = u.gates + (s * u.batch + b) * 5u * u.units;
            ${product.main}
            storageBarrier();
          }`,
      });
    }
    return [y, kept];
  },
);

export const lstmBackward = webGpuKernel<string, RecurrentAttrs>(
  LSTM_BACKWARD_KERNEL,
  ({ inputs, attrs: { directions, steps }, backend, results }) => {
    const { dy, kept } = inputs;
    const [batch] = dy!.shape as [number];
    const [units] = inputs.kernel0!.shape as [number];
    const { cells, gates, size } = layoutOf(steps, batch, units);
    const threads = recurrentThreads(backend);
    const product = backwardProduct(4, threads);
    const gradients = Array.from({ length: directions }, (_, d) => {
      const [dKernel, dBias] = [results.make([units, 4 * units]), results.make([4 * units])];
      const state = results.make([batch, units]);
      const cell = results.scratch([batch, units]);
      const da = results.scratch([steps, batch, 4 * units]);
      launch(backend, {
        name: LSTM_BACKWARD_KERNEL,
        inputs: { dy, kept, kernel: inputs[`kernel${d}`] },
        outputs: { da, state, cell },
        whole: {
          ...{ units, batch, steps, cells: d * size + cells, reverse: d, gates: d * size + gates },
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
            let gate = u.gates + step * 5u * u.units;
            let products = step * 4u * u.units;
            for (var j = thread; j < u.units; j += ${threads}u) {
              let i = kept[gate + j];
              let f = kept[gate + u.units + j];
              let g = kept[gate + 2u * u.units + j];
              let o = kept[gate + 3u * u.units + j];
              let squashed = kept[gate + 4u * u.units + j];
              let at = b * u.units + j;
              let last = s == u.steps;
              let d = select(state[at], 0.0, last) + dy[row * u.width + u.column + j];
              let dc = select(cell[at], 0.0, last) + d * (o * (1.0 - squashed * squashed));
              da[products + j] = dc * (g * (i * (1.0 - i)));
              da[products + u.units + j] = dc * (kept[u.cells + step * u.units + j] * (f * (1.0 - f)));
              da[products + 2u * u.units + j] = dc * (i * (1.0 - g * g));
              da[products + 3u * u.units + j] = d * (squashed * (o * (1.0 - o)));
              cell[at] = dc * f;
              state[at] = 0.0;
            }
            storageBarrier();
            ${product.main}
            storageBarrier();
          }`,
      });
      weightGradients(
        backend,
        LSTM_BACKWARD_KERNEL,
        { kept: kept!, da, dKernel, dBias },
        { steps, batch, start: d * size },
      );
      return { list: [dKernel, dBias], state };
    });
    return [...gradients.flatMap(({ list }) => list), ...gradients.map(({ state }) => state)];
  },
);
