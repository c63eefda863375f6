/** Every kernel that is compiled; the README beside tells how they are called. */
export * from './winograd';
export * from './gathered';
export * from './columns';
export * from './elementwise';
export * from './pooling';
export * from './products';
export * from './gru';
export * from './lstm';
export * from './clahe';
export * from './color_jitter';
export * from './resize';
export * from './warp';
