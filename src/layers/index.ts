/**
 * The layers. Importing them, with or without a name, makes all of them known to `tf.loadLayersModel`.
 *
 * @module ct-multilabel/layers
 */

import './second_tfjs';

export { GrayToRgb, ImageNetNormalization } from './input_layers';
export { SliceDependencyGRU, type SliceDependencyGRUArgs } from './slice_dependency_gru';
export { SliceDifferences } from './slice_differences';
export { SliceConv1D, type SliceConv1DArgs } from './slice_conv1d';
export { FusedBatchNorm, type FusedBatchNormArgs } from './fused_batch_norm';
export { FusedConv2D, type FusedConv2DArgs } from './fused_conv2d';
export { ResidualNeck, type ResidualNeckArgs } from './residual_neck';
export { LabelRNNDecoder, type LabelRNNDecoderArgs } from './label_rnn_decoder';
export { LabelLinear, type LabelLinearArgs } from './label_linear';
export { PerSlice, type PerSliceArgs } from './per_slice';
export { SlicePooling, type SlicePoolingArgs } from './slice_pooling';
export { PerLabel } from './per_label';
export { type WrapperArgs } from './wrapper';
export { type Activation } from './activation';
