/** Every kernel that is compiled; the README beside tells how they are called. */
export * from './asymmetric_loss';
export * from './clahe';
export * from './clamp';
export * from './color_jitter';
export * from './columns';
export * from './elementwise';
export * from './gathered';
export * from './gru';
export * from './lstm';
export * from './pooling';
export * from './products';
export * from './resize';
export * from './sums';
export * from './warp';
export * from './winograd';
