import * as tf from '@tensorflow/tfjs';
import type { TorchLoadable } from '../../src/base/types';
import { toTensor, type GoldenTensor } from './golden';
import { expectClose } from './matchers';

const NOT_PARAMETERS = new Set(['x', 'y', 'cotangent', 'mask', 'hidden']);

/** The parameters among a golden file's tensors. */
export function stateDictOf(tensors: Record<string, GoldenTensor>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => !NOT_PARAMETERS.has(name) && !name.endsWith('.grad'))
      .map(([name, tensor]) => [name, toTensor(tensor)]),
  );
}

/** Compares the gradients of sum(y * cotangent), by the input and by every parameter, with the file's. */
export function expectTorchGradients(
  layer: tf.layers.Layer & TorchLoadable,
  tensors: Record<string, GoldenTensor>,
  tolerance: number,
): void {
  const cotangent = toTensor(tensors['cotangent']!);
  const loss = (x: tf.Tensor) => tf.sum(tf.mul(layer.apply(x) as tf.Tensor, cotangent)) as tf.Scalar;
  const x = toTensor(tensors['x']!);
  expectClose(tf.grad(loss)(x), tensors['x.grad']!.data, tolerance, 'x.grad');

  const { grads } = tf.variableGrads(
    () => loss(x),
    layer.trainableWeights.map((w) => w.read() as tf.Variable),
  );
  for (const { name, variable, permute } of layer.torchParameters()) {
    if (!variable) continue;
    const expected = toTensor(tensors[`${name}.grad`]!);
    const gradient = grads[(variable.read() as tf.Variable).name]!;
    expectClose(gradient, permute ? tf.transpose(expected, permute) : expected, tolerance, `${name}.grad`);
  }
}
