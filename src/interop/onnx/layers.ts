import type { Emitter } from './emitter';
import * as common from './common_layers';
import * as image from './image_layers';
import { labelRnnDecoder, sliceDependencyGru } from './recurrent_layers';
import * as slice from './slice_layers';

/** Emitters by class name of the layer. */
export const EMITTERS: ReadonlyMap<string, Emitter> = new Map(
  Object.entries({
    // of this library
    FusedBatchNorm: image.batchNormalization,
    FusedConv2D: image.conv2d,
    GrayToRgb: image.grayToRgb,
    ImageNetNormalization: image.imageNetNormalization,
    LabelLinear: slice.labelLinear,
    LabelRNNDecoder: labelRnnDecoder,
    PerLabel: slice.perLabel,
    PerSlice: slice.perSlice,
    ResidualNeck: slice.residualNeck,
    SliceConv1D: slice.sliceConv1d,
    SliceDependencyGRU: sliceDependencyGru,
    SliceDifferences: slice.sliceDifferences,
    SlicePooling: slice.slicePooling,
    // of tfjs
    Activation: common.activationLayer,
    Add: common.add,
    AveragePooling2D: image.averagePooling2d,
    BatchNormalization: image.batchNormalization,
    Concatenate: common.concatenate,
    Conv2D: image.conv2d,
    Dense: common.dense,
    DepthwiseConv2D: image.depthwiseConv2d,
    Dropout: common.identity,
    Flatten: common.flatten,
    GlobalAveragePooling2D: image.globalAveragePooling2d,
    GlobalMaxPooling2D: image.globalMaxPooling2d,
    MaxPooling2D: image.maxPooling2d,
    Multiply: common.multiply,
    ReLU: common.reLU,
    Reshape: common.reshape,
    ZeroPadding2D: image.zeroPadding2d,
  }),
);
