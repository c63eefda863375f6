import type { Graph } from './graph';
import { DATA_TYPES } from './messages';

/** Which slices of each stack are real. */
export interface SliceMask {
  /** bool `[n, slices]` */
  real: string;
  /** How many are real, int32 `[n]`. */
  lengths: string;
  /** Whether padding may lie between real slices; otherwise it follows them. */
  scattered: boolean;
}

/** The mask of stacks `[n, slices, …]` from their numbers of real slices, int32 `[n]`. */
export function maskOfLengths(graph: Graph, images: string, lengths: string): SliceMask {
  const slices = graph.shapeOf(images, 1, 2);
  // the recurrences refuse lengths above the number of slices
  const whole = graph.op('Min', [graph.op('Cast', [lengths], { to: DATA_TYPES.int64 }), slices]);
  const scalar = graph.op('Squeeze', [slices, graph.ints([0])]);
  const places = graph.op('Range', [graph.ints([0], []), scalar, graph.ints([1], [])]);
  const real = graph.op('Less', [places, graph.op('Unsqueeze', [whole, graph.ints([1])])]);
  return { real, lengths: graph.op('Cast', [whole], { to: DATA_TYPES.int32 }), scattered: false };
}

/** The mask that also excludes slices whose values all equal `value`. */
export function maskOfValue(graph: Graph, x: string, value: number, mask?: SliceMask): SliceMask {
  const flat = graph.reshape(x, [[0, 0, -1]]);
  const differs = graph.op('Not', [graph.op('Equal', [flat, graph.floats([value], [])])]);
  const any = graph.op('ReduceMax', [graph.op('Cast', [differs], { to: DATA_TYPES.float })], {
    axes: [2],
    keepdims: 0,
  });
  const seen = graph.op('Cast', [any], { to: DATA_TYPES.bool });
  const real = mask ? graph.op('And', [mask.real, seen]) : seen;
  const counted = graph.op('Cast', [real], { to: DATA_TYPES.int32 });
  const lengths = graph.op('ReduceSum', [counted, graph.ints([1])], { keepdims: 0 });
  return { real, lengths, scattered: true };
}

/** The mask of `[n * times, slices]`: that of each stack, repeated. */
export function repeatedMask(graph: Graph, { real, lengths, scattered }: SliceMask, times: number): SliceMask {
  const each = graph.op('Expand', [graph.op('Unsqueeze', [real, graph.ints([1])]), graph.ints([1, times, 1])]);
  const counts = graph.op('Expand', [graph.op('Unsqueeze', [lengths, graph.ints([1])]), graph.ints([1, times])]);
  return {
    real: graph.reshape(each, [[-1], graph.shapeOf(real, 1)]),
    lengths: graph.reshape(counts, [[-1]]),
    scattered,
  };
} // prettier-ignore

/** The mask as bool `[n, slices, 1, …]` of the given rank. */
export function maskOfRank(graph: Graph, { real }: SliceMask, rank: number): string {
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  return graph.once(`mask ${real} ${rank}`, () => graph.op('Unsqueeze', [real, graph.ints(axes)]));
}

/** `[n, slices, …]` with padding replaced by zero. */
export function withoutPadding(graph: Graph, x: string, mask: SliceMask | undefined, rank: number): string {
  return mask ? graph.op('Where', [maskOfRank(graph, mask, rank), x, graph.floats([0], [])]) : x;
}
