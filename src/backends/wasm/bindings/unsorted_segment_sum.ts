import * as tf from '@tensorflow/tfjs';
import { Scratch, viewAs, wasmKernel } from '../runtime/kernel_support';

/**
 * Sum of the rows of `x` that share a segment id, which the host's WebAssembly backend lacks and the gradient of
 * `tf.gather` needs: `out[s, ...] = sum over i with segmentIds[i] = s of x[i, ...]`. As elsewhere in TensorFlow, ids
 * outside `0 .. numSegments - 1` are ignored.
 */
export const unsortedSegmentSum = wasmKernel<'x' | 'segmentIds', tf.UnsortedSegmentSumAttrs>(
  tf.UnsortedSegmentSum,
  ({ inputs: { x, segmentIds }, backend, attrs: { numSegments } }) =>
    Scratch.use(backend, (scratch) => {
      const count = tf.util.sizeFromShape(segmentIds.shape);
      const rest = x.shape.slice(segmentIds.shape.length);
      const width = tf.util.sizeFromShape(rest);
      // ScatterNd sums duplicates but does not check its indices: invalid ones go to an extra row
      const ids = scratch.backend.makeOutput([count, 1], 'int32');
      try {
        const target = backend.typedArrayFromHeap(ids);
        const source = backend.typedArrayFromHeap(segmentIds);
        for (let i = 0; i < count; i++) {
          const id = source[i]!;
          target[i] = id >= 0 && id < numSegments ? id : numSegments;
        }
        const sums = scratch.run(
          tf.ScatterNd,
          { indices: ids, updates: viewAs(x, [count, width]) },
          { shape: [numSegments + 1, width] },
        );
        const kept = scratch.run(tf.Slice, { x: sums }, { begin: [0, 0], size: [numSegments, width] });
        kept.shape = [numSegments, ...rest];
        return kept;
      } finally {
        backend.disposeData(ids.dataId);
      }
    }),
);
