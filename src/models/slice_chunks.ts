import * as tf from '@tensorflow/tfjs';

/** Consecutive slices. */
export interface Chunk {
  first: number;
  count: number;
}

/** Consecutive chunks of at most `size` of `total` slices, as equal in size as possible. */
export function chunksOf(total: number, size: number): Chunk[] {
  const chunks = Math.ceil(total / size);
  const start = (i: number) => Math.floor((i * total) / chunks);
  return Array.from({ length: chunks }, (_, i) => ({ first: start(i), count: start(i + 1) - start(i) }));
}

/** A chunk of `[slices, …]`; cut out only when needed, so that the stack is not held twice. */
export function slicesOf(stack: tf.Tensor, { first, count }: Chunk): tf.Tensor {
  const rest = stack.shape.slice(1);
  return tf.slice(stack, [first, ...rest.map(() => 0)], [count, ...rest]);
}
