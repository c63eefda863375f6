/** Every kernel that is compiled; the README beside tells how they are called. */
export * from './asymmetric_loss';
export * from './clamp';
export * from './columns';
export * from './elementwise';
export * from './sums';
export * from './convolution/gathered';
export * from './convolution/pooling';
export * from './convolution/winograd';
export * from './convolution/winograd_taps';
export * from './images/clahe';
export * from './images/color_jitter';
export * from './images/resize';
export * from './images/warp';
export * from './matrix/products';
export * from './recurrence/gru';
export * from './recurrence/lstm';
export * from './recurrence/units';
