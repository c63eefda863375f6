import * as tf from '@tensorflow/tfjs';
import { activatedApart } from './activated_apart';
import { hostWorkspace } from '../runtime/engine';
import { Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import { spanOf } from '../runtime/workspace';

/** `tf.matMul`, by the compiled kernels if they apply; the host's are ten times slower for transposed operands. */
export function batchMatMul(host: tf.KernelConfig): tf.KernelConfig {
  return matrixProduct(tf.BatchMatMul, host);
}

/** `tf.fused.matMul`: with bias and ReLU. */
export function fusedMatMul(host: tf.KernelConfig): tf.KernelConfig {
  return matrixProduct(tf._FusedMatMul, host);
}

function matrixProduct(name: string, host: tf.KernelConfig): tf.KernelConfig {
  type Inputs = 'a' | 'b' | 'bias' | 'preluActivationWeights';
  const fallback = untransposed(activatedApart(host));
  return wasmKernel<Inputs, tf.BatchMatMulAttrs & { activation?: string }>(name, (args) => {
    const { backend, attrs } = args;
    const { a, b, bias, preluActivationWeights } = args.inputs;
    const { transposeA, transposeB, activation = 'linear' } = attrs;
    const workspace = hostWorkspace(backend);
    const [rows, depth] = matrixShape(a, transposeA);
    const [inner, columns] = matrixShape(b, transposeB);
    const ours =
      (activation === 'linear' || activation === 'relu') &&
      preluActivationWeights === undefined &&
      (bias === undefined || (bias.shape.length === 1 && bias.shape[0] === columns)) &&
      [a, b].every(({ dtype, shape }) => dtype === 'float32' && !shape.includes(0)) &&
      inner === depth;
    // other inputs, including invalid ones, are left to the host
    if (workspace === undefined || !ours) return fallback.kernelFunc(args as never);
    const [batchA, batchB] = [a, b].map(({ shape }) => shape.slice(0, -2)) as [number[], number[]];
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
    return Scratch.use(backend, (scratch) => {
      const y = scratch.make([...batch, rows, columns]);
      workspace.scope(backend, () => {
        const [from, by, to] = [a, b, y].map((info) => workspace.address(spanOf(info))) as Addresses;
        const add = bias === undefined ? 0 : workspace.address(spanOf(bias));
        const working = workspace.scratch(workspace.kernels.matrixProductScratch({}));
        const [indicesA, indicesB] = [batchA, batchB].map((shape) => broadcastIndices(shape, batch));
        indicesA!.forEach((indexA, i) => {
          workspace.kernels.matrixProduct({
            ...{ rows, columns, depth, bias: add, relu: Number(activation === 'relu'), scratch: working },
            ...{ a: from + 4 * rows * depth * indexA, transposeA: Number(transposeA) },
            ...{ b: by + 4 * depth * columns * indicesB![i]!, transposeB: Number(transposeB) },
            c: to + 4 * rows * columns * i,
          });
        });
      });
      return y;
    });
  });
}

/**
 * The host's kernel with operands transposed beforehand: for transposed operands it is slow and, with a bias or an
 * activation, wrong.
 */
function untransposed({
  kernelFunc,
}: Pick<tf.KernelConfig, 'kernelFunc'>): Pick<tf.KernelConfig, 'kernelFunc'> {
  return {
    kernelFunc: (args) => {
      const { inputs, attrs } = args;
      const backend = args.backend as WasmBackend;
      return Scratch.use(backend, (scratch) => {
        const straight = (info: tf.TensorInfo, transposed: unknown): tf.TensorInfo => {
          const axes = info.shape.map((_, axis) => axis);
          const perm = [...axes.slice(0, -2), ...axes.slice(-2).reverse()];
          return transposed ? scratch.run(tf.Transpose, { x: info }, { perm }) : info;
        };
        const a = straight(inputs.a!, attrs!.transposeA);
        const b = straight(inputs.b!, attrs!.transposeB);
        const plain = { ...attrs, transposeA: false, transposeB: false };
        return kernelFunc({ backend, inputs: { ...inputs, a, b }, attrs: plain }) as tf.TensorInfo;
      });
    },
  };
}

type Addresses = [number, number, number];

/** Rows and columns of an operand in the product. */
function matrixShape({ shape }: tf.TensorInfo, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/**
 * For every matrix of a batch of shape `target`, the index of its operand in a batch of shape `shape` that is
 * broadcast.
 */
function broadcastIndices(shape: number[], target: number[]): number[] {
  const missing = target.length - shape.length;
  return target.reduce<number[]>(
    (indices, size, axis) => {
      const own = axis < missing ? 1 : shape[axis - missing]!;
      return indices.flatMap((index) =>
        Array.from({ length: size }, (_, i) => (own === 1 ? index : index * own + i)),
      );
    },
    [0],
  );
}
