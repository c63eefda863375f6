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

type Cell = 'gru' | 'lstm';

/**
 * See the contract, as for the other kernels here. They exist only in compiled form: elsewhere layers compose
 * operations.
 */
export const gruForward = forwardKernel('gru', GRU_FORWARD_KERNEL);
export const gruBackward = backwardKernel('gru', GRU_BACKWARD_KERNEL);
export const lstmForward = forwardKernel('lstm', LSTM_FORWARD_KERNEL);
export const lstmBackward = backwardKernel('lstm', LSTM_BACKWARD_KERNEL);

function forwardKernel(cell: Cell, name: string): tf.KernelConfig {
  return wasmKernel<string, RecurrentAttrs>(name, (args) => {
    const { backend, attrs } = args;
    const inputs: Inputs = args.inputs;
    const { directions, steps } = attrs;
    const [batch] = (inputs.inputs0 ?? inputs.initial)!.shape as [number];
    const [units] = inputs.kernel0!.shape as [number];
    return Scratch.useMany(backend, (scratch) => {
      const y = scratch.make([batch, steps, directions * units]);
      const layout = layoutOf(cell, steps, batch, units);
      const kept = scratch.make([directions, layout.size]);
      inWorkspace(backend, ({ kernels, address, run, blocks }) => {
        const parts = forwardParts(directions, blocks(batch));
        for (let d = 0; d < directions; d++) {
          const saved = floats(backend, kept).subarray(d * layout.size);
          if (inputs.initial) saved.set(floats(backend, inputs.initial));
          else saved.fill(0, 0, batch * units);
          if (cell === 'lstm') saved.fill(0, layout.cells, layout.cells + batch * units);
        }
        const rowsAtMost = Math.max(0, ...parts.map(({ rows }) => rows));
        const scratch = kernels[`${cell}ForwardScratch`]({ rows: rowsAtMost, units });
        const calls = parts.map(({ d, first, rows }) => ({
          ...{ rows, steps, batch, units, reverse: d },
          x: address(inputs[`inputs${d}`], first * steps * 3 * units),
          kernel: address(inputs[`kernel${d}`]),
          bias: address(inputs[`bias${d}`]),
          mask: address(inputs.mask, first * steps),
          states: address(kept, d * layout.size + first * units),
          cells: address(kept, d * layout.size + layout.cells + first * units),
          gates: address(kept, d * layout.size + layout.gates + first * layout.perStep * units),
          ...{ y: address(y, (first * steps * directions + d) * units), yStep: 4 * directions * units },
        }));
        run(`${cell}Forward`, scratch, calls);
      });
      return [y, kept];
    });
  });
}

function backwardKernel(cell: Cell, name: string): tf.KernelConfig {
  return wasmKernel<string, RecurrentAttrs>(name, (args) => {
    const { backend, attrs } = args;
    const inputs: Inputs = args.inputs;
    const { directions, steps } = attrs;
    const [batch] = inputs.dy!.shape as [number];
    const [units] = inputs.kernel0!.shape as [number];
    const columns = (cell === 'gru' ? 3 : 4) * units;
    return Scratch.useMany(backend, (scratch) => {
      const layout = layoutOf(cell, steps, batch, units);
      const gradients = Array.from({ length: directions }, () => ({
        dx: cell === 'gru' ? scratch.make([batch, steps, columns]) : undefined,
        dKernel: scratch.make([units, columns]),
        dBias: scratch.make([columns]),
        dInitial: cell === 'lstm' || inputs.initial ? scratch.make([batch, units]) : undefined,
      }));
      inWorkspace(backend, ({ kernels, address, run }) => {
        const calls = gradients.map(({ dx, dKernel, dBias, dInitial }, d) => ({
          ...{ steps, batch, units, reverse: d },
          ...{ dy: address(inputs.dy, d * units), dyStep: 4 * directions * units },
          kernel: address(inputs[`kernel${d}`]),
          mask: address(inputs.mask),
          states: address(inputs.kept, d * layout.size),
          cells: address(inputs.kept, d * layout.size + layout.cells),
          gates: address(inputs.kept, d * layout.size + layout.gates),
          ...{
            dx: address(dx),
            dKernel: address(dKernel),
            dBias: address(dBias),
            dInitial: address(dInitial),
          },
        }));
        run(`${cell}Backward`, kernels[`${cell}BackwardScratch`]({ steps, batch, units }), calls);
      });
      return [
        ...gradients.flatMap(({ dx, dKernel, dBias }) => [...(dx ? [dx] : []), dKernel, dBias]),
        ...gradients.flatMap(({ dInitial }) => dInitial ?? []),
      ];
    });
  });
}

/** Layout of the values saved for a direction: states, an LSTM's cells, then `perStep` values per unit and step. */
function layoutOf(cell: Cell, steps: number, batch: number, units: number) {
  const states = (steps + 1) * batch * units;
  const [cells, gates, perStep] = cell === 'gru' ? [0, states, 4] : [states, 2 * states, 5];
  return { cells, gates, perStep, size: gates + steps * batch * perStep * units };
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
