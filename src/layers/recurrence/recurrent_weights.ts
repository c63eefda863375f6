import type { LayerVariable, TorchParameter } from '../../base/types';
import type { CtLayer } from '../layer';

/** Weights of one direction of one recurrent layer; gates lie side by side on the last axis. */
export interface DirectionWeights {
  /** [features, gates * units], absent if every input is zero. */
  kernel?: LayerVariable;
  /** [units, gates * units] */
  recurrentKernel: LayerVariable;
  /** [gates * units], PyTorch's `bias_ih` */
  bias: LayerVariable;
  /** [gates * units], PyTorch's `bias_hh`: separate because the reset gate applies to it */
  recurrentBias: LayerVariable;
}

/** Creates a direction's weights on `layer`, its `n`-th and the next three. */
export function addDirectionWeights(
  layer: CtLayer,
  options: { prefix: string; features?: number; units: number; gates: number; n: number },
): DirectionWeights {
  const { prefix, features, units, gates, n } = options;
  const add = (name: string, shape: number[], i: number) =>
    layer['uniformWeight'](`${prefix}${name}`, shape, units, n + i);
  return {
    kernel: features === undefined ? undefined : add('kernel', [features, gates * units], 0),
    recurrentKernel: add('recurrent_kernel', [units, gates * units], 1),
    bias: add('bias', [gates * units], 2),
    recurrentBias: add('recurrent_bias', [gates * units], 3),
  };
}

/** A direction's weights under PyTorch's names, e.g. `weight_ih_l0_reverse`. */
export function directionTorchParameters(
  weights: DirectionWeights,
  prefix: string,
  suffix: string,
): TorchParameter[] {
  return [
    // without a kernel the input is zero and PyTorch's weight_ih has nothing to act on
    weights.kernel
      ? { name: `${prefix}weight_ih_${suffix}`, variable: weights.kernel, permute: [1, 0] }
      : { name: `${prefix}weight_ih_${suffix}` },
    { name: `${prefix}weight_hh_${suffix}`, variable: weights.recurrentKernel, permute: [1, 0] },
    { name: `${prefix}bias_ih_${suffix}`, variable: weights.bias },
    { name: `${prefix}bias_hh_${suffix}`, variable: weights.recurrentBias },
  ];
}
