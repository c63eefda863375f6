import type * as tf from '@tensorflow/tfjs';
import { GRU_BACKWARD_KERNEL, GRU_FORWARD_KERNEL, type RecurrentAttrs } from '../../../kernels/gru/contract';
import { LSTM_BACKWARD_KERNEL, LSTM_FORWARD_KERNEL } from '../../../kernels/lstm/contract';
import { hostWorkspace } from '../runtime/engine';
import { PARAMETERS } from '../generated/signatures';
import type { CompiledKernels } from '../runtime/compiled';
import { floats, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import { spanOf, type Workspace } from '../runtime/workspace';

/** Tensors by the names of the contract. */
type Inputs = Record<string, tf.TensorInfo | undefined>;

/**
 * See the contract, as for the other kernels here. They exist only in compiled form: elsewhere layers compose
 * operations.
 */
export const gruForward = wasmKernel<string, RecurrentAttrs>(GRU_FORWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.inputs0!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const y = scratch.make([batch, steps, directions * units]);
    const layout = gruLayout(steps, batch, units);
    const kept = scratch.make([directions, layout.size]);
    inWorkspace(backend, ({ kernels, address, run, blocks }) => {
      const parts = forwardParts(directions, blocks(batch));
      for (let d = 0; d < directions; d++) {
        const states = d * layout.size;
        setInitial(floats(backend, kept).subarray(states, states + batch * units), backend, inputs.initial);
      }
      const scratch = kernels.gruForwardScratch({ rows: mostRows(parts), units });
      const calls = parts.map(({ d, first, rows }) => ({
        ...{ rows, steps, batch, units, reverse: d },
        x: address(inputs[`inputs${d}`], first * steps * 3 * units),
        kernel: address(inputs[`kernel${d}`]),
        bias: address(inputs[`bias${d}`]),
        mask: address(inputs.mask, first * steps),
        states: address(kept, d * layout.size + first * units),
        gates: address(kept, d * layout.size + layout.gates + first * 4 * units),
        ...{ y: address(y, (first * steps * directions + d) * units), yStep: 4 * directions * units },
      }));
      run('gruForward', scratch, calls);
    });
    return [y, kept];
  });
});

export const gruBackward = wasmKernel<string, RecurrentAttrs>(GRU_BACKWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.dy!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const layout = gruLayout(steps, batch, units);
    const gradients = Array.from({ length: directions }, () => ({
      inputs: scratch.make([batch, steps, 3 * units]),
      kernel: scratch.make([units, 3 * units]),
      bias: scratch.make([3 * units]),
      initial: inputs.initial && scratch.make([batch, units]),
    }));
    inWorkspace(backend, ({ kernels, address, run }) => {
      const calls = gradients.map((gradient, d) => ({
        ...{ steps, batch, units, reverse: d },
        ...{ dy: address(inputs.dy, d * units), dyStep: 4 * directions * units },
        kernel: address(inputs[`kernel${d}`]),
        mask: address(inputs.mask),
        states: address(inputs.kept, d * layout.size),
        gates: address(inputs.kept, d * layout.size + layout.gates),
        dx: address(gradient.inputs),
        dKernel: address(gradient.kernel),
        dBias: address(gradient.bias),
        dInitial: address(gradient.initial),
      }));
      run('gruBackward', kernels.gruBackwardScratch({ steps, batch, units }), calls);
    });
    return [
      ...gradients.flatMap(({ inputs: dx, kernel, bias }) => [dx, kernel, bias]),
      ...gradients.flatMap(({ initial }) => initial ?? []),
    ];
  });
});

export const lstmForward = wasmKernel<string, RecurrentAttrs>(LSTM_FORWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch, units] = inputs.initial!.shape as [number, number];
  return Scratch.useMany(backend, (scratch) => {
    const y = scratch.make([batch, steps, directions * units]);
    const layout = lstmLayout(steps, batch, units);
    const kept = scratch.make([directions, layout.size]);
    inWorkspace(backend, ({ kernels, address, run, blocks }) => {
      const parts = forwardParts(directions, blocks(batch));
      for (let d = 0; d < directions; d++) {
        const states = d * layout.size;
        const cells = states + layout.cells;
        setInitial(floats(backend, kept).subarray(states, states + batch * units), backend, inputs.initial);
        setInitial(floats(backend, kept).subarray(cells, cells + batch * units), backend, undefined);
      }
      const scratch = kernels.lstmForwardScratch({ rows: mostRows(parts), units });
      const calls = parts.map(({ d, first, rows }) => ({
        ...{ rows, steps, batch, units, reverse: d },
        kernel: address(inputs[`kernel${d}`]),
        bias: address(inputs[`bias${d}`]),
        states: address(kept, d * layout.size + first * units),
        cells: address(kept, d * layout.size + layout.cells + first * units),
        gates: address(kept, d * layout.size + layout.gates + first * 5 * units),
        ...{ y: address(y, (first * steps * directions + d) * units), yStep: 4 * directions * units },
      }));
      run('lstmForward', scratch, calls);
    });
    return [y, kept];
  });
});

export const lstmBackward = wasmKernel<string, RecurrentAttrs>(LSTM_BACKWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.dy!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const layout = lstmLayout(steps, batch, units);
    const gradients = Array.from({ length: directions }, () => ({
      kernel: scratch.make([units, 4 * units]),
      bias: scratch.make([4 * units]),
      initial: scratch.make([batch, units]),
    }));
    inWorkspace(backend, ({ kernels, address, run }) => {
      const calls = gradients.map(({ kernel, bias, initial }, d) => ({
        ...{ steps, batch, units, reverse: d },
        ...{ dy: address(inputs.dy, d * units), dyStep: 4 * directions * units },
        kernel: address(inputs[`kernel${d}`]),
        states: address(inputs.kept, d * layout.size),
        cells: address(inputs.kept, d * layout.size + layout.cells),
        gates: address(inputs.kept, d * layout.size + layout.gates),
        dKernel: address(kernel),
        dBias: address(bias),
        dInitial: address(initial),
      }));
      run('lstmBackward', kernels.lstmBackwardScratch({ steps, batch, units }), calls);
    });
    return [
      ...gradients.flatMap(({ kernel, bias }) => [kernel, bias]),
      ...gradients.map(({ initial }) => initial),
    ];
  });
});

/** Layout of the values saved for a direction: states first, at offset 0. */
function gruLayout(steps: number, batch: number, units: number): { gates: number; size: number } {
  const gates = (steps + 1) * batch * units;
  return { gates, size: gates + steps * batch * 4 * units };
}

function lstmLayout(
  steps: number,
  batch: number,
  units: number,
): { cells: number; gates: number; size: number } {
  const cells = (steps + 1) * batch * units;
  return { cells, gates: 2 * cells, size: 2 * cells + steps * batch * 5 * units };
}

function setInitial(state: Float32Array, backend: WasmBackend, initial: tf.TensorInfo | undefined): void {
  if (initial === undefined) state.fill(0);
  else state.set(floats(backend, initial));
}

/** Rows of the batch in one direction. */
interface Part {
  d: number;
  first: number;
  rows: number;
}

/** Every block of rows in every direction: threads take them in any order. */
function forwardParts(directions: number, blocks: readonly Omit<Part, 'd'>[]): Part[] {
  return Array.from({ length: directions }, (_, d) => blocks.map((block) => ({ d, ...block }))).flat();
}

const mostRows = (parts: readonly Part[]) => Math.max(0, ...parts.map(({ rows }) => rows));

/** Least rows per thread: fewer do not compensate for packing the kernel again. */
const LEAST_ROWS = 8;

type Recurrence = 'gruForward' | 'gruBackward' | 'lstmForward' | 'lstmBackward';
type Call<Kernel extends Recurrence> = Omit<Parameters<CompiledKernels[Kernel]>[0], 'scratch'>;

/** The part of the workspace that a kernel uses. */
interface Addresses extends Pick<Workspace, 'kernels'> {
  /** Address of a tensor's values from `start` on; 0 for no tensor. */
  address(info: tf.TensorInfo | undefined, start?: number): number;
  /** Divides a batch into blocks of rows for all threads. */
  blocks(batch: number): Omit<Part, 'd'>[];
  /** Makes the calls, on all threads. */
  run<Kernel extends Recurrence>(kernel: Kernel, scratchBytes: number, calls: readonly Call<Kernel>[]): void;
}

function inWorkspace(backend: WasmBackend, work: (addresses: Addresses) => void): void {
  const workspace = hostWorkspace(backend)!; // otherwise these kernels are not registered
  const { kernels, threads } = workspace;
  workspace.scope(backend, () =>
    work({
      kernels,
      address: (info, start = 0) => (info === undefined ? 0 : workspace.address({ ...spanOf(info), start })),
      blocks(batch) {
        // multiples of four, the rows of a tile of the matrix product
        const size = Math.max(LEAST_ROWS, 4 * Math.ceil(batch / threads / 4));
        return Array.from({ length: Math.ceil(batch / size) }, (_, i) => ({
          first: i * size,
          rows: Math.min(size, batch - i * size),
        }));
      },
      run(kernel, scratchBytes, calls) {
        const names = PARAMETERS[kernel].slice(0, -1) as (keyof (typeof calls)[number])[];
        const table = workspace.integers(calls.flatMap((call) => names.map((name) => call[name])));
        workspace.run(`${kernel}Unit`, calls.length, scratchBytes, { table } as never);
      },
    }),
  );
}
