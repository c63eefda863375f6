import * as tf from '@tensorflow/tfjs';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, viewAs, wasmKernel } from '../runtime/kernel_support';
import { spanOf, unitsOf, VALUES_PER_UNIT } from '../runtime/workspace';

/*
 * The host's kernels of these names lose NaN: its ReLU turns a NaN whose sign bit is set into 0, its clip any NaN, and
 * maximum and minimum return the other operand. They also interpret the bits of an int32 as a float. These kernels
 * propagate NaN, like backend `cpu`, and support int32.
 */

type Values = Float32Array | Int32Array;
type Floats = [Float32Array, Float32Array, Float32Array];

export const relu = (host: tf.KernelConfig) => clamping(tf.Relu, host, () => [0, Infinity]);

export const relu6 = (host: tf.KernelConfig) => clamping(tf.Relu6, host, () => [0, 6]);

export const clipByValue = (host: tf.KernelConfig) =>
  clamping<tf.ClipByValueAttrs>(tf.ClipByValue, host, (attrs) => [attrs.clipValueMin, attrs.clipValueMax]);

function clamping<Attrs>(
  name: string,
  host: tf.KernelConfig,
  limits: (attrs: Attrs) => [low: number, high: number],
): tf.KernelConfig {
  return wasmKernel<'x', Attrs>(name, (args) => {
    const { inputs, attrs, backend } = args;
    const { x } = inputs;
    const [low, high] = limits(attrs);
    if (x.dtype !== 'int32' && x.dtype !== 'float32') return host.kernelFunc(args as never);
    const workspace = x.dtype === 'float32' ? hostWorkspace(backend) : undefined;
    if (workspace === undefined) {
      const out = backend.makeOutput(x.shape, x.dtype);
      const [from, to] = [x, out].map((info) => backend.typedArrayFromHeap(info)) as [Values, Values];
      for (let i = 0; i < from.length; i++) {
        const value = from[i]!;
        to[i] = value < low ? low : value > high ? high : value; // keeps NaN
      }
      return out;
    }
    return Scratch.use(backend, (scratch) => {
      const out = scratch.make(x.shape);
      workspace.scope(backend, () => {
        const [from, to] = [spanOf(x), spanOf(out)];
        const [count, at, y] = [from.length, workspace.address(from), workspace.address(to)];
        const args = { x: at, y, count, perUnit: VALUES_PER_UNIT, low, high };
        workspace.run('clamp', unitsOf(count), 0, args);
      });
      return out;
    });
  });
}

export const maximum = (host: tf.KernelConfig) => extreme(tf.Maximum, host, false);

export const minimum = (host: tf.KernelConfig) => extreme(tf.Minimum, host, true);

function extreme(name: string, host: tf.KernelConfig, smaller: boolean): tf.KernelConfig {
  return wasmKernel<'a' | 'b', undefined>(name, (args) => {
    const { inputs, backend } = args;
    const { a, b } = inputs;
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const size = tf.util.sizeFromShape(shape);
    if (a.dtype !== 'float32' || b.dtype !== 'float32' || size === 0) {
      return host.kernelFunc(args as never);
    }
    return Scratch.use(backend, (scratch) => {
      const broadcast = (info: tf.TensorInfo) => {
        if (tf.util.sizeFromShape(info.shape) === size) return info;
        const own = [...shape.slice(info.shape.length).map(() => 1), ...info.shape];
        const reps = shape.map((n, axis) => n / own[axis]!);
        return scratch.run(tf.Tile, { x: viewAs(info, own) }, { reps });
      };
      // a single number, the usual case, is not broadcast
      const single = [b, a].find((info) => tf.util.sizeFromShape(info.shape) === 1);
      const left = broadcast(single === a ? b : a);
      const right = single ?? broadcast(b);
      const out = scratch.make(shape);
      const workspace = hostWorkspace(backend);
      if (workspace === undefined) {
        const [first, second, to] = [left, right, out].map((info) => floats(backend, info)) as Floats;
        const pick = smaller ? Math.min : Math.max; // these propagate NaN
        for (let i = 0; i < size; i++) to[i] = pick(first[i]!, second[single ? 0 : i]!);
        return out;
      }
      workspace.scope(backend, () => {
        const [first, second] = [workspace.address(spanOf(left)), workspace.address(spanOf(right))];
        const to = workspace.address(spanOf(out));
        workspace.run('extreme', unitsOf(size), 0, {
          ...{ a: first, b: second, y: to, count: size, perUnit: VALUES_PER_UNIT },
          ...{ stepB: Number(single === undefined), smaller: Number(smaller) },
        });
      });
      return out;
    });
  });
}
