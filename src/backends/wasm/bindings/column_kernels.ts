import * as tf from '@tensorflow/tfjs';
import {
  COLUMN_DOTS_KERNEL,
  COLUMN_MOMENTS_KERNEL,
  COMBINE_KERNEL,
  RELU_BIAS_GRADIENT_KERNEL,
  SCALE_SHIFT_KERNEL,
} from '../../../kernels/columns/contract';
import type { UnitArgs } from '../runtime/compiled';
import { hostWorkspace } from '../runtime/engine';
import { addressOf, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import { VALUES_PER_UNIT, type Workspace } from '../runtime/workspace';
import { sumRows } from './sum';

/*
 * Kernels over `[..., channels]` that tfjs does not have. Layers check whether they are registered, and compose
 * operations otherwise. They are registered only if compiled code can run on the host's heap: see
 * `registerWasmTrainingKernels`.
 */

/**
 * Backward through ReLU and bias in one pass: `dz = dy where y > 0`, `db` its sum over all axes but the last.
 *
 * @returns `[dz, db]`.
 */
export const reluBiasGradient = wasmKernel<'dy' | 'y', undefined>(
  RELU_BIAS_GRADIENT_KERNEL,
  ({ inputs: { dy, y }, backend }) =>
    onColumns(backend, y, (run) => {
      const [dz, db] = [run.make(y.shape), run.make([run.columns])];
      run.sum('reluBiasGradient', { dy, y, dz }, [db]);
      return [dz, db];
    }),
);

/**
 * Sums over all axes but the last of `dy` and of `dy (x - centre)`.
 *
 * @returns `[sums, dots]`.
 */
export const columnDots = wasmKernel<'dy' | 'x' | 'centre', undefined>(
  COLUMN_DOTS_KERNEL,
  ({ inputs: { dy, x, centre }, backend }) =>
    onColumns(backend, x, (run) => {
      const [sums, dots] = [run.make([run.columns]), run.make([run.columns])];
      run.sum('columnDots', { dy, x, centre }, [sums, dots]);
      return [sums, dots];
    }),
);

/**
 * Mean and variance over all axes but the last, in two passes: one alone loses the variance of values far from zero.
 *
 * @returns `[mean, variance]`.
 */
export const columnMoments = wasmKernel<'x', undefined>(COLUMN_MOMENTS_KERNEL, ({ inputs: { x }, backend }) =>
  onColumns(backend, x, (run) => {
    const [mean, variance] = [run.make([run.columns]), run.make([run.columns])];
    run.mean(x, mean);
    run.sum('columnSquares', { x, centre: mean }, [variance], run.share);
    return [mean, variance];
  }),
);

/** `x scale + shift`; both are vectors along the last axis. */
export const scaleShift = wasmKernel<'x' | 'scale' | 'shift', undefined>(
  SCALE_SHIFT_KERNEL,
  ({ inputs: { x, scale, shift }, backend }) =>
    onColumns(backend, x, (run) => {
      const y = run.make(x.shape);
      run.map('scaleShift', { x, scale, shift, y });
      return [y];
    })[0]!,
);

/** `dy a + x b + c`; `a`, `b` and `c` are vectors along the last axis. */
export const combine = wasmKernel<'dy' | 'x' | 'a' | 'b' | 'c', undefined>(
  COMBINE_KERNEL,
  ({ inputs: { dy, x, a, b, c }, backend }) =>
    onColumns(backend, x, (run) => {
      const out = run.make(x.shape);
      run.map('combine', { dy, x, a, b, c, out });
      return [out];
    })[0]!,
);

/** Concatenation along the last axis, the channels of images; the host's kernel does the rest. */
export function concat(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<never, { axis: number }>(tf.Concat, (args) => {
    const inputs = Object.values<tf.TensorInfo>(args.inputs);
    const workspace = hostWorkspace(args.backend);
    const rank = inputs[0]?.shape.length ?? 0;
    const last = (args.attrs.axis + rank) % rank === rank - 1;
    const ours =
      rank > 1 &&
      last &&
      inputs.every(({ dtype, shape }) => dtype === 'float32' && tf.util.sizeFromShape(shape) > 0);
    if (workspace === undefined || !ours) return host.kernelFunc(args as never);
    const columns = inputs.reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
    const rows = tf.util.sizeFromShape(inputs[0]!.shape) / inputs[0]!.shape.at(-1)!;
    return Scratch.use(args.backend, (scratch) => {
      const out = scratch.make([...inputs[0]!.shape.slice(0, -1), columns]);
      let at = addressOf(args.backend, out);
      for (const input of inputs) {
        const count = input.shape.at(-1)!;
        const from = addressOf(args.backend, input);
        copyColumns(args.backend, workspace, {
          from,
          fromColumns: count,
          to: at,
          toColumns: columns,
          count,
          rows,
        });
        at += 4 * count;
      }
      return out;
    });
  });
}

/** `tf.split`, and the gradient of {@link concat}. */
export function split(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', { axis: number; numOrSizeSplits: number | number[] }>(tf.SplitV, (args) => {
    const { inputs, backend, attrs } = args;
    const { x } = inputs;
    const workspace = hostWorkspace(backend);
    const rank = x.shape.length;
    const last = (attrs.axis + rank) % rank === rank - 1;
    const ours = rank > 1 && last && x.dtype === 'float32' && tf.util.sizeFromShape(x.shape) > 0;
    if (workspace === undefined || !ours) return host.kernelFunc(args as never);
    const columns = x.shape.at(-1)!;
    const rows = tf.util.sizeFromShape(x.shape) / columns;
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, rank - 1);
    return Scratch.useMany(backend, (scratch) => {
      const parts = sizes.map((size) => scratch.make([...x.shape.slice(0, -1), size]));
      let from = addressOf(backend, x);
      parts.forEach((part, i) => {
        const count = sizes[i]!;
        const to = addressOf(backend, part);
        copyColumns(backend, workspace, { from, fromColumns: columns, to, toColumns: count, count, rows });
        from += 4 * count;
      });
      return parts;
    });
  });
}

/** Rows of so many columns that a thread takes at once where each is computed by itself. */
const rowsOf = (columns: number) => Math.max(1, Math.floor(VALUES_PER_UNIT / columns));

/** Copies `count` of the columns of each row. */
export function copyColumns(
  backend: WasmBackend,
  workspace: Workspace,
  args: Omit<UnitArgs<'copyColumns'>, 'rowsPerUnit'>,
): void {
  const rowsPerUnit = rowsOf(args.count);
  const units = Math.ceil(args.rows / rowsPerUnit);
  workspace.scope(backend, () => workspace.run('copyColumns', units, 0, { ...args, rowsPerUnit }));
}

/** Rows summed by themselves before they are added to the total, so that long sums stay exact. */
const SUMMED_ROWS = 512;

type MapKernel = 'scaleShift' | 'combine';
type SumKernel = 'reluBiasGradient' | 'columnDots' | 'columnSquares';

/** The parameters of a kernel of rows and columns that are tensors, by name. */
type TensorsOf<Kernel extends MapKernel | SumKernel> = Record<
  Exclude<keyof UnitArgs<Kernel>, 'partial' | 'rows' | 'columns' | 'rowsPerUnit'>,
  tf.TensorInfo
>;

/** Runs compiled kernels of rows and columns on tensors. */
interface ColumnRun {
  /** A kernel that computes each row by itself. */
  map<Kernel extends MapKernel>(kernel: Kernel, tensors: TensorsOf<Kernel>): void;
  /** A kernel that also sums over rows: `outs` become `share` (1) times its sums. */
  sum<Kernel extends SumKernel>(
    kernel: Kernel,
    tensors: TensorsOf<Kernel>,
    outs: tf.TensorInfo[],
    share?: number,
  ): void;
  mean(x: tf.TensorInfo, out: tf.TensorInfo): void;
  make(shape: number[]): tf.TensorInfo;
  columns: number;
  /** 1 / rows. */
  share: number;
}

function onColumns(
  backend: WasmBackend,
  { shape }: tf.TensorInfo,
  work: (run: ColumnRun) => tf.TensorInfo[],
): tf.TensorInfo[] {
  const workspace = hostWorkspace(backend)!; // otherwise these kernels are not registered
  const columns = shape.at(-1)!;
  const rows = tf.util.sizeFromShape(shape) / columns;
  const share = Math.fround(1 / rows);
  const at = (info: tf.TensorInfo) => addressOf(backend, info);
  const run = (
    kernel: MapKernel | SumKernel,
    tensors: Record<string, tf.TensorInfo>,
    rowsPerUnit: number,
    partial = 0,
  ) => {
    const addresses = Object.fromEntries(Object.entries(tensors).map(([name, info]) => [name, at(info)]));
    const args = { ...addresses, partial, rows, columns, rowsPerUnit };
    workspace.run(kernel, Math.ceil(rows / rowsPerUnit), 0, args as never);
  };
  return Scratch.useMany(backend, (scratch) =>
    work({
      ...{ make: (size) => scratch.make(size), columns, share },
      map: (kernel, tensors) => workspace.scope(backend, () => run(kernel, tensors, rowsOf(columns))),
      sum: (kernel, tensors, outs, factor = 1) =>
        workspace.scope(backend, () => {
          const units = Math.ceil(rows / SUMMED_ROWS);
          const step = outs.length * columns;
          const partial = workspace.scratch(4 * units * step);
          run(kernel, tensors, SUMMED_ROWS, partial);
          outs.forEach((out, i) => {
            const own = partial + 4 * i * columns;
            workspace.kernels.sumUnits({ partial: own, units, step, out: at(out), columns, share: factor });
          });
        }),
      mean: (x, out) =>
        workspace.scope(backend, () => sumRows(workspace, { x: at(x), out: at(out), rows, columns, share })),
    }),
  );
}
