import type * as tf from '@tensorflow/tfjs';
import { ASYMMETRIC_LOSS_KERNEL, type AsymmetricLossAttrs } from '../../../kernels/asymmetric_loss/contract';
import { IGNORED_LABEL } from '../../../base/types';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel } from '../runtime/kernel_support';
import { spanOf } from '../runtime/workspace';

/**
 * The asymmetric loss, compiled: value and slope in one pass.
 *
 * @param plain - The kernel in plain JavaScript, used if compiled kernels cannot run.
 */
export function asymmetricLoss(plain: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'labels' | 'logits', AsymmetricLossAttrs>(ASYMMETRIC_LOSS_KERNEL, (args) => {
    const { inputs, backend, attrs } = args;
    const { labels, logits, mask } = inputs as typeof inputs & { mask?: tf.TensorInfo };
    const { reduction, withSlope, gammaPos, gammaNeg, clip, focusWeightIsConstant: constant } = attrs;
    const workspace = hostWorkspace(backend);
    if (workspace === undefined) return plain.kernelFunc(args as never) as tf.TensorInfo[];

    const count = spanOf(logits).length;
    const perEntry = reduction === 'none';
    return Scratch.useMany(backend, (held) => {
      const value = held.make(perEntry ? logits.shape : []);
      const slope = withSlope ? held.make(logits.shape) : undefined;
      workspace.scope(backend, () => {
        const asTheyAre = labels.dtype === 'float32' && mask === undefined;
        const y = asTheyAre ? workspace.address(spanOf(labels)) : workspace.scratch(4 * count);
        const x = workspace.address(spanOf(logits));
        const losses = perEntry ? workspace.address(spanOf(value)) : 0;
        const slopes = slope ? workspace.address(spanOf(slope)) : 0;
        const sums = workspace.scratch(8);
        const scratch = workspace.scratch(64);
        if (!asTheyAre) {
          const [from, kept] = [labels, mask].map((info) => info && backend.typedArrayFromHeap(info));
          markLabels(from!, kept, new Float32Array(from!.buffer, y, count));
        }
        workspace.kernels.asymmetricLoss({
          ...{ count, labels: y, logits: x, losses, slopes, gammaPos, gammaNeg, margin: clip, sums, scratch },
          focusPos: constant ? 0 : gammaPos,
          focusNeg: constant ? 0 : gammaNeg,
        });
        if (perEntry) return;
        const out = floats(backend, value);
        const [total, counted] = new Float32Array(out.buffer, sums, 2);
        const divisor = reduction === 'mean' ? Math.max(counted!, 1) : 1;
        out[0] = total! / divisor;
        if (slope && divisor > 1) workspace.kernels.divideBy({ count, x: slopes, divisor });
      });
      return slope ? [value, slope] : [value];
    });
  });
}

/** Labels as floats; those of masked slices are marked as missing. */
function markLabels(
  labels: ArrayLike<number>,
  mask: ArrayLike<number> | undefined,
  marked: Float32Array,
): void {
  marked.set(labels);
  if (mask === undefined) return;
  const perSlice = labels.length / mask.length;
  for (let slice = 0; slice < mask.length; slice++) {
    if (mask[slice] === 0) marked.fill(IGNORED_LABEL, slice * perSlice, (slice + 1) * perSlice);
  }
}
