import * as tf from '@tensorflow/tfjs';
import { RELU_BIAS_GRADIENT_KERNEL } from '../../kernels/columns/contract';
import { hasKernel } from '../../kernels/has_kernel';
import { check } from '../../base/checks';
import { anything } from '../../base/options';
import { layerOn, type LayerCall, type LayerRules } from '../layer';

/**
 * Options of {@link FusedConv2D}: those of `tf.layers.conv2d`.
 *
 * @inline
 */
export type FusedConv2DArgs = Parameters<typeof tf.layers.conv2d>[0];

/** The part of tfjs's layer that we use; tfjs does not export the class. */
interface HostConv2D extends tf.layers.Layer {
  kernel: tf.LayerVariable;
  bias?: tf.LayerVariable;
  strides: number | [number, number];
  dilationRate: number | [number, number];
  padding: 'same' | 'valid';
  dataFormat: string;
  activation: tf.serialization.Serializable | null;
}

/** Checked by tfjs. */
const RULES: LayerRules<FusedConv2DArgs> = {
  filters: anything,
  kernelSize: anything,
  strides: anything,
  padding: anything,
  dataFormat: anything,
  dilationRate: anything,
  activation: anything,
  useBias: anything,
  kernelInitializer: anything,
  biasInitializer: anything,
  kernelConstraint: anything,
  biasConstraint: anything,
  kernelRegularizer: anything,
  biasRegularizer: anything,
  activityRegularizer: anything,
};

/**
 * `tf.layers.conv2d` with the same options, weights and results, faster to train: convolution, bias and ReLU are one
 * step, of which only the output is kept for the backward pass.
 *
 * `y = activation(conv2d(x, kernel) + bias)`. Input `[n, height, width, channels]`, output
 * `[n, outHeight, outWidth, filters]`. Dilation and activations other than linear and ReLU use tfjs's implementation.
 *
 * @throws ArgumentError for an input that is not of rank 4.
 * @example
 * ```ts
 * const layer = new FusedConv2D({ filters: 64, kernelSize: 3, padding: 'same', activation: 'relu' });
 * const y = layer.apply(tf.zeros([2, 224, 224, 3])) as tf.Tensor; // [2, 224, 224, 64]
 * ```
 */
export class FusedConv2D extends layerOn<HostConv2D>('Conv2D') {
  static className = 'FusedConv2D';

  constructor(args: FusedConv2DArgs) {
    super(args, RULES);
  }

  /** @internal */
  override run([x]: [tf.Tensor], call: LayerCall): tf.Tensor {
    check(x.rank === 4, `${this.name}: input`, '[n, height, width, channels]', x);
    const activation = this.activation?.getClassName() ?? 'linear';
    // no backend has the gradient of a dilated convolution: tfjs throws
    const dilated = [this.dilationRate].flat().some((rate) => rate !== 1);
    const fused = activation === 'linear' || activation === 'relu';
    if (!fused || dilated || this.dataFormat !== 'channelsLast') return super.run([x], call);
    const tensors = { filter: this.kernel.read(), x: x.dtype === 'float32' ? x : tf.cast(x, 'float32') };
    const attrs: FusedConv2DAttrs = {
      strides: this.strides,
      pad: this.padding,
      dilations: 1,
      dataFormat: 'NHWC',
      dimRoundingMode: null,
      activation,
      leakyreluAlpha: null,
    };
    // x last: see the gradient below
    const named = this.bias ? { bias: this.bias.read(), ...tensors } : tensors;
    return tf.engine().runKernel(tf.FusedConv2D, named, attrs as never) as tf.Tensor;
  }
}
tf.serialization.registerClass(FusedConv2D);

/** As tfjs's kernels take them, with `null` where the public types have undefined. */
interface FusedConv2DAttrs {
  strides: number | [number, number];
  pad: 'same' | 'valid';
  dilations: 1;
  dataFormat: 'NHWC';
  dimRoundingMode: null;
  activation: 'linear' | 'relu';
  leakyreluAlpha: null;
}

/**
 * tfjs has the fused kernel on every backend, but no gradient for it: its own `tf.fused.conv2d` is split into three
 * operations when a gradient is taken.
 */
tf.registerGradient({
  kernelName: tf.FusedConv2D,
  inputsToSave: ['x', 'filter'],
  outputsToSave: [true],
  gradFunc: (gradient, [x, filter, y], untyped) => {
    const attrs = untyped as unknown as FusedConv2DAttrs;
    const dy = gradient as tf.Tensor4D;
    const { dz, db } = beforeActivation(dy, y as tf.Tensor4D, attrs.activation);
    const backward = { ...attrs, inputShape: x!.shape, filterShape: filter!.shape } as never;
    return {
      bias: () => db(),
      filter: () => tf.engine().runKernel(tf.Conv2DBackpropFilter, { x: x!, dy: dz }, backward) as tf.Tensor,
      // requested last, if at all: dz is not needed afterwards
      x: () => {
        const dx = tf.engine().runKernel(tf.Conv2DBackpropInput, { dy: dz, filter: filter! }, backward);
        if (dz !== dy) dz.dispose();
        return dx as tf.Tensor;
      },
    };
  },
});

/** The gradient before activation and bias, and the gradient of the bias. */
function beforeActivation(
  dy: tf.Tensor4D,
  y: tf.Tensor4D,
  activation: 'linear' | 'relu',
): { dz: tf.Tensor4D; db: () => tf.Tensor } {
  if (activation === 'linear') return { dz: dy, db: () => tf.sum(dy, [0, 1, 2]) };
  if (hasKernel(RELU_BIAS_GRADIENT_KERNEL)) {
    const [dz, db] = tf.engine().runKernel(RELU_BIAS_GRADIENT_KERNEL, { dy, y }) as [tf.Tensor4D, tf.Tensor];
    return { dz, db: () => db };
  }
  const dz = tf.mul(dy, tf.step(y)) as tf.Tensor4D;
  return { dz, db: () => tf.sum(dz, [0, 1, 2]) };
}
