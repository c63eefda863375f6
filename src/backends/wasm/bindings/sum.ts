import * as tf from '@tensorflow/tfjs';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel } from '../runtime/kernel_support';
import type { UnitArgs } from '../runtime/compiled';
import { spanOf, type Workspace } from '../runtime/workspace';

/** Columns that a thread sums at once: two lines of the cache. */
const COLUMNS_PER_UNIT = 32;

/** `share` times the sums of all columns. */
export function sumRows(workspace: Workspace, args: Omit<UnitArgs<'sumRows'>, 'columnsPerUnit'>): void {
  const units = Math.ceil(args.columns / COLUMNS_PER_UNIT);
  const given = { ...args, columnsPerUnit: COLUMNS_PER_UNIT };
  workspace.run('sumRows', units, 8 * COLUMNS_PER_UNIT, given);
}

/** Columns into which a sum over all values is divided. */
const LANES = 16;

/**
 * Sum over leading axes, as in the gradient of a bias, and over all axes.
 *
 * The host transposes first, and adds floats one by one, which makes the sum of 16 million times 0.1 a sixth too large.
 * Other axes and types are left to it.
 */
export function sum(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.SumAttrs>(tf.Sum, (args) => {
    const { inputs, attrs, backend } = args;
    const { x } = inputs;
    const axes = tf.util.parseAxisParam(attrs.axis, x.shape).sort((a, b) => a - b);
    const leading = axes.length > 0 && axes.every((axis, place) => axis === place);
    const workspace = hostWorkspace(backend);
    if (workspace === undefined || !leading || x.dtype !== 'float32') {
      return host.kernelFunc(args as never) as tf.TensorInfo;
    }

    const outShape = x.shape.slice(axes.length);
    const columns = tf.util.sizeFromShape(outShape);
    const rows = tf.util.sizeFromShape(x.shape.slice(0, axes.length));
    const fill = (out: tf.TensorInfo) => {
      const from = workspace.address(spanOf(x));
      const run = (first: number, to: number, height: number, width: number) =>
        sumRows(workspace, { x: from + 4 * first, out: to, rows: height, columns: width, share: 1 });
      if (columns !== 1) return run(0, workspace.address(spanOf(out)), rows, columns);
      // all values: full rows of lanes, and the remainder
      const height = Math.floor(rows / LANES);
      const lanes = workspace.scratch(4 * (LANES + 1));
      run(0, lanes, height, LANES);
      run(height * LANES, lanes + 4 * LANES, rows - height * LANES, 1);
      const values = floats(backend, out);
      values[0] = new Float32Array(values.buffer, lanes, LANES + 1).reduce((a, b) => a + b);
    };
    const out = Scratch.use(backend, (scratch) => {
      const result = scratch.make(outShape);
      workspace.scope(backend, () => fill(result));
      return result;
    });
    if (attrs.keepDims) out.shape = tf.backend_util.expandShapeToKeepDim(outShape, axes);
    return out;
  });
}
