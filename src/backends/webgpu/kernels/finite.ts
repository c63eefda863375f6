import { FINITE_KERNEL } from '../../../kernels/finite/contract';
import { groupsFor, launch, sizeOf, webGpuKernel } from '../launch';

/** Tensors per launch, besides the mark: as many as every device supports. */
const AT_ONCE = 7;

/** Most workgroups per tensor: the threads of large ones check several values each. */
const MOST_GROUPS = 256;

/**
 * The loss, or NaN if a value is not finite. Checked by bits only, since arithmetic with NaN is undefined on devices.
 */
export const finite = webGpuKernel<string, undefined>(FINITE_KERNEL, ({ inputs, backend, results }) => {
  const { loss, ...tensors } = inputs;
  const all = Object.values(tensors);
  const mark = results.scratch([1], new Float32Array(1));
  for (let first = 0; first < all.length; first += AT_ONCE) {
    const part = all.slice(first, first + AT_ONCE);
    const counts = part.map(({ shape }) => sizeOf(shape));
    const named = <T>(name: string, list: T[]) =>
      Object.fromEntries(list.map((value, k) => [`${name}${k}`, value])) as Record<string, T>;
    launch(backend, {
      name: FINITE_KERNEL,
      inputs: named('x', part),
      outputs: { mark },
      types: { ...named('x', part.map(() => 'u32')), mark: 'atomic<u32>' }, // prettier-ignore
      whole: named('count', counts),
      groups: [Math.min(MOST_GROUPS, groupsFor(Math.max(...counts))), part.length],
      main: part
        .map(
          (_, k) => `
        if (group.y == ${k}u) {
          var most = 0u;
          for (var i = group.x * 256u + thread; i < u.count${k}; i += groups.x * 256u) {
            most = max(most, x${k}[i] & 0x7fffffffu);
          }
          if (most >= 0x7f800000u) { atomicMax(&mark[0], 1u); }
        }`,
        )
        .join('\n'),
    });
  }
  const out = results.make(loss!.shape);
  launch(backend, {
    name: FINITE_KERNEL,
    inputs: { loss, mark },
    outputs: { out },
    types: { loss: 'u32', mark: 'u32', out: 'u32' },
    whole: { nan: 0x7fc00000 },
    groups: [1],
    main: 'if (thread == 0u) { out[0] = select(loss[0], u.nan, mark[0] != 0u); }',
  });
  return out;
});
