import * as tf from '@tensorflow/tfjs';
import { conv2DBackpropFilter as composedFilter } from '../../composed/conv2d_backprop_filter';
import { conv2DBackpropInput as composedInput } from '../../composed/conv2d_backprop_input';
import { convolve, convolveFilterGradient, convolveInputGradient } from './convolution';
import { activatedApart } from '../activated_apart';
import { hostWorkspace } from '../../runtime/engine';
import { Scratch, wasmKernel, type Shape4D, type WasmBackend } from '../../runtime/kernel_support';

/** Attributes of a convolution's kernels. */
type ConvolutionAttrs = Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dataFormat' | 'dimRoundingMode'> & {
  dilations?: tf.Conv2DAttrs['dilations'];
};

/** `tf.conv2d`, by the compiled kernels if they apply, otherwise by the host's. */
export function conv2D(host: tf.KernelConfig): tf.KernelConfig {
  return forward(tf.Conv2D, host);
}

/** `tf.fused.conv2d`: with bias and ReLU. */
export function fusedConv2D(host: tf.KernelConfig): tf.KernelConfig {
  return forward(tf.FusedConv2D, host);
}

function forward(name: string, host: tf.KernelConfig): tf.KernelConfig {
  type Inputs = 'x' | 'filter' | 'bias' | 'preluActivationWeights';
  const fallback = activatedApart(host);
  return wasmKernel<Inputs, ConvolutionAttrs & { activation?: string }>(name, (args) => {
    const { backend, attrs } = args;
    const { x, filter, bias, preluActivationWeights } = args.inputs;
    const { activation = 'linear' } = attrs;
    const workspace = hostWorkspace(backend);
    const ours =
      attrs.dataFormat === 'NHWC' &&
      (activation === 'linear' || activation === 'relu') &&
      preluActivationWeights === undefined &&
      [x, filter].every(({ dtype }) => dtype === 'float32');
    if (workspace === undefined || !ours) return fallback.kernelFunc(args as never) as tf.TensorInfo;
    const info = convolutionInfo(x.shape, filter.shape, attrs);
    // a bias of one value for all filters is allowed but rare
    if (bias !== undefined && tf.util.sizeFromShape(bias.shape) !== info.outChannels) {
      return fallback.kernelFunc(args as never) as tf.TensorInfo;
    }
    return withResult(backend, info.outShape, (y) => {
      convolve(workspace, backend, info, { x, filter, bias, y }, activation === 'relu');
    });
  });
}

/** The gradient of a convolution's input. */
export const conv2DBackpropInput = wasmKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
  tf.Conv2DBackpropInput,
  (args) => {
    const { inputs, backend, attrs } = args;
    const { dy, filter } = inputs;
    const workspace = hostWorkspace(backend);
    if (workspace === undefined || attrs.dataFormat !== 'NHWC')
      return composedInput.kernelFunc(args as never) as tf.TensorInfo;
    const info = convolutionInfo(attrs.inputShape, filter.shape, attrs);
    return withResult(backend, info.inShape, (dx) => {
      convolveInputGradient(workspace, backend, info, { dy, filter, dx });
    });
  },
);

/** The gradient of a convolution's taps. */
export const conv2DBackpropFilter = wasmKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  (args) => {
    const { inputs, backend, attrs } = args;
    const { x, dy } = inputs;
    const workspace = hostWorkspace(backend);
    if (workspace === undefined || attrs.dataFormat !== 'NHWC')
      return composedFilter.kernelFunc(args as never) as tf.TensorInfo;
    const info = convolutionInfo(x.shape, attrs.filterShape, attrs);
    return withResult(backend, info.filterShape, (dw) => {
      convolveFilterGradient(workspace, backend, info, { x, dy, dw });
    });
  },
);

function convolutionInfo(
  inShape: number[],
  filterShape: number[],
  { strides, dilations = 1, pad, dimRoundingMode }: ConvolutionAttrs,
): tf.backend_util.Conv2DInfo {
  return tf.backend_util.computeConv2DInfo(
    inShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
}

/** A new tensor filled by `fill`; disposed if that throws. */
function withResult(
  backend: WasmBackend,
  shape: number[],
  fill: (result: tf.TensorInfo) => void,
): tf.TensorInfo {
  return Scratch.use(backend, (scratch) => {
    const result = scratch.make(shape);
    fill(result);
    return result;
  });
}
