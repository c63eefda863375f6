import * as tf from '@tensorflow/tfjs';
import {
  COLUMN_DOTS_KERNEL,
  COLUMN_MOMENTS_KERNEL,
  COMBINE_KERNEL,
  RELU_BIAS_GRADIENT_KERNEL,
  SCALE_SHIFT_KERNEL,
} from '../../../kernels/columns/contract';
import type { ParametersOf } from '../runtime/compiled';
import { hostWorkspace } from '../runtime/engine';
import { addressOf, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';

/*
 * Kernels over `[..., channels]` that have no name in tfjs: layers ask whether they are there, and compose operations where
 * they are not. They are there only where compiled code can run on the host's heap: see `registerWasmTrainingKernels`.
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
      run('reluBiasGradient', { dy, y, dz, db }, 1);
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
      run('columnDots', { dy, x, centre, sums, dots }, 2);
      return [sums, dots];
    }),
);

/**
 * Mean and variance over all axes but the last.
 *
 * @returns `[mean, variance]`.
 */
export const columnMoments = wasmKernel<'x', undefined>(COLUMN_MOMENTS_KERNEL, ({ inputs: { x }, backend }) =>
  onColumns(backend, x, (run) => {
    const [mean, variance] = [run.make([run.columns]), run.make([run.columns])];
    run('columnMoments', { x, mean, variance }, 2);
    return [mean, variance];
  }),
);

/** `x scale + shift`, both of the length of the last axis. */
export const scaleShift = wasmKernel<'x' | 'scale' | 'shift', undefined>(
  SCALE_SHIFT_KERNEL,
  ({ inputs: { x, scale, shift }, backend }) =>
    onColumns(backend, x, (run) => {
      const y = run.make(x.shape);
      run('scaleShift', { x, scale, shift, y });
      return [y];
    })[0]!,
);

/** `dy a + x b + c`, the last three of the length of the last axis. */
export const combine = wasmKernel<'dy' | 'x' | 'a' | 'b' | 'c', undefined>(
  COMBINE_KERNEL,
  ({ inputs: { dy, x, a, b, c }, backend }) =>
    onColumns(backend, x, (run) => {
      const out = run.make(x.shape);
      run('combine', { dy, x, a, b, c, out });
      return [out];
    })[0]!,
);

/** Kernels that stand in for the host's where the last axis is joined or cut: with images, the channels. */
export function concat(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<never, { axis: number }>(tf.Concat, (args) => {
    const inputs = Object.values<tf.TensorInfo>(args.inputs);
    const workspace = hostWorkspace(args.backend);
    const rank = inputs[0]?.shape.length ?? 0;
    const last = (args.attrs.axis + rank) % rank === rank - 1;
    const ours =
      rank > 1 && last && inputs.every(({ dtype, shape }) => dtype === 'float32' && sizeOf(shape) > 0);
    if (workspace === undefined || !ours) return host.kernelFunc(args as never);
    const columns = inputs.reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
    return Scratch.use(args.backend, (scratch) => {
      const out = scratch.make([...inputs[0]!.shape.slice(0, -1), columns]);
      let at = addressOf(args.backend, out);
      for (const input of inputs) {
        const count = input.shape.at(-1)!;
        workspace.kernels.copyColumns({
          ...{ from: addressOf(args.backend, input), fromColumns: count, to: at, toColumns: columns },
          ...{ count, rows: sizeOf(input.shape) / count },
        });
        at += 4 * count;
      }
      return out;
    });
  });
}

/** The gradient of {@link concat}, and `tf.split`. */
export function split(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', { axis: number; numOrSizeSplits: number | number[] }>(tf.SplitV, (args) => {
    const { inputs, backend, attrs } = args;
    const { x } = inputs;
    const workspace = hostWorkspace(backend);
    const rank = x.shape.length;
    const last = (attrs.axis + rank) % rank === rank - 1;
    const ours = rank > 1 && last && x.dtype === 'float32' && sizeOf(x.shape) > 0;
    if (workspace === undefined || !ours) return host.kernelFunc(args as never);
    const columns = x.shape.at(-1)!;
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, rank - 1);
    return Scratch.useMany(backend, (scratch) => {
      const parts = sizes.map((size) => scratch.make([...x.shape.slice(0, -1), size]));
      let from = addressOf(backend, x);
      parts.forEach((part, i) => {
        const count = sizes[i]!;
        workspace.kernels.copyColumns({
          ...{ from, fromColumns: columns, to: addressOf(backend, part), toColumns: count },
          ...{ count, rows: sizeOf(x.shape) / columns },
        });
        from += 4 * count;
      });
      return parts;
    });
  });
}

const sizeOf = (shape: number[]) => shape.reduce((product, n) => product * n, 1);

type ColumnKernel = 'reluBiasGradient' | 'columnDots' | 'columnMoments' | 'scaleShift' | 'combine';

/** The parameters of a kernel of rows and columns that are tensors. */
type TensorsOf<Kernel extends ColumnKernel> = Exclude<
  ParametersOf<Kernel>[number],
  'partial' | 'rows' | 'columns'
>;

/** Runs a compiled kernel of rows and columns on tensors, with memory for so many rows of partial sums. */
interface ColumnRun {
  <Kernel extends ColumnKernel>(
    kernel: Kernel,
    tensors: Record<TensorsOf<Kernel>, tf.TensorInfo>,
    partials?: number,
  ): void;
  make(shape: number[]): tf.TensorInfo;
  columns: number;
}

function onColumns(
  backend: WasmBackend,
  { shape }: tf.TensorInfo,
  work: (run: ColumnRun) => tf.TensorInfo[],
): tf.TensorInfo[] {
  const workspace = hostWorkspace(backend)!; // without it these kernels are not registered
  const columns = shape.at(-1)!;
  const rows = sizeOf(shape) / columns;
  return Scratch.useMany(backend, (scratch) => {
    const run = (kernel: ColumnKernel, tensors: Record<string, tf.TensorInfo>, partials = 0) =>
      workspace.scope(backend, () => {
        const partial = partials > 0 ? workspace.scratch(4 * partials * columns) : 0;
        const entries = Object.entries(tensors).map(([name, info]) => [name, addressOf(backend, info)]);
        const args = { ...(Object.fromEntries(entries) as Record<string, number>), partial, rows, columns };
        workspace.kernels[kernel](args as never);
      });
    return work(Object.assign(run, { make: (size: number[]) => scratch.make(size), columns }));
  });
}
