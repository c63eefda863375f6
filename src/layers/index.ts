/**
 * The layers. Importing them, with or without a name, makes all of them known to `tf.loadLayersModel`.
 *
 * @module layers
 */

import './second_tfjs';

export { GrayToRgb, ImageNetNormalization } from './input_layers';
export { SliceDependencyGRU } from './slice_dependency_gru';
export { SliceDifferences } from './slice_differences';
export { SliceConv1D } from './slice_conv1d';
export { FusedBatchNorm } from './fused/fused_batch_norm';
export { FusedConv2D } from './fused/fused_conv2d';
export { ResidualNeck } from './residual_neck';
export { LabelRNNDecoder } from './label_rnn_decoder';
export { LabelLinear } from './label_linear';
export { PerSlice } from './wrappers/per_slice';
export { SlicePooling } from './slice_pooling';
export { PerLabel } from './wrappers/per_label';
