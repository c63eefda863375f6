import { WITHIN_KERNEL, type WithinAttrs } from '../../../kernels/within/contract';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel } from '../runtime/kernel_support';
import { spanOf } from '../runtime/workspace';

/** Whether all values lie in a range. */
export const within = wasmKernel<'x', WithinAttrs>(WITHIN_KERNEL, ({ inputs: { x }, attrs, backend }) =>
  Scratch.use(backend, (scratch) => {
    const out = scratch.make([]);
    const workspace = hostWorkspace(backend);
    let yes = 0;
    workspace?.scope(backend, () => {
      const values = workspace.address(spanOf(x));
      yes = workspace.kernels.allWithin({ values, count: spanOf(x).length, ...attrs });
    });
    floats(backend, out)[0] = yes;
    return out;
  }),
);
