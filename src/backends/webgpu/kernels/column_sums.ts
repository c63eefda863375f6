import type * as tf from '@tensorflow/tfjs';
import type { WebGpuBackend } from '../backend';
import { forEach, groupsFor, launch, sizeOf, type Launch, type Results } from '../launch';

/*
 * Sums over rows take two launches: workgroups of 32 columns by 8 threads each sum a part of the rows, then the parts
 * are added. Each pass over memory also does the other work on its values.
 */

/** Columns per workgroup. */
const WIDTH = 32;
/** Least rows per workgroup, and most parts. */
const [ROWS, PARTS] = [512, 128];

/** Partial sums over rows, `[count, sums, columns]`. */
export interface Parts {
  partial: tf.TensorInfo;
  sums: number;
  columns: number;
  rows: number;
  /** Number of parts, and rows of each except the last. */
  count: number;
  perPart: number;
}

/**
 * Runs over all values, with `i` the index of a value and `c` its column, and sums what `row` adds to `sum0` and
 * `sum1`.
 */
export function partialSums(
  backend: WebGpuBackend,
  results: Results,
  shape: number[],
  {
    sums,
    row,
    second,
    ...work
  }: Pick<Launch, 'name' | 'inputs' | 'outputs'> & { sums: 1 | 2; row: string; second?: string },
): Parts {
  const columns = shape.at(-1)!;
  const rows = sizeOf(shape) / columns;
  const perPart = Math.max(1, ROWS, Math.ceil(rows / PARTS));
  const count = Math.max(1, Math.ceil(rows / perPart));
  const partial = results.scratch([count, sums, columns]);
  const lanes = 256 / WIDTH;
  const overRows = (body: string) => `
    for (var r = first + lane; r < end; r += ${lanes}u) {
      if (inside) { let i = r * u.columns + c; ${body} }
    }`;
  const gather = (k: number) => `
    gathered[thread] = sum${k};
    workgroupBarrier();
    if (lane == 0u) {
      for (var l = 1u; l < ${lanes}u; l++) { sum${k} += gathered[l * ${WIDTH}u + thread]; }
      if (inside) { partial[(group.y * ${sums}u + ${k}u) * u.columns + c] = sum${k}; }
      gathered[thread] = sum${k};
    }
    workgroupBarrier();`;
  launch(backend, {
    ...work,
    outputs: { ...work.outputs, partial },
    whole: { columns, rows, perPart },
    groups: [Math.ceil(columns / WIDTH), count],
    declarations: 'var<workgroup> gathered: array<f32, 256>;',
    main: `
      let lane = thread / ${WIDTH}u;
      let c = group.x * ${WIDTH}u + thread % ${WIDTH}u;
      let inside = c < u.columns;
      let first = group.y * u.perPart;
      let end = min(first + u.perPart, u.rows);
      var sum0 = 0.0;
      ${sums === 2 ? 'var sum1 = 0.0;' : ''}
      ${overRows(row)}
      ${gather(0)}
      ${
        second === undefined
          ? ''
          : `let mean = gathered[thread % ${WIDTH}u] / f32(end - first);
      workgroupBarrier();
      ${overRows(second)}`
      }
      ${sums === 2 ? gather(1) : ''}`,
  });
  return { partial, sums, columns, rows, count, perPart };
}

export function addParts(
  backend: WebGpuBackend,
  results: Results,
  name: string,
  { partial, sums, columns, count }: Parts,
): tf.TensorInfo[] {
  const totals = Array.from({ length: sums }, () => results.make([columns]));
  const each = totals.map((_, k) => k);
  launch(backend, {
    name,
    inputs: { partial },
    outputs: Object.fromEntries(totals.map((total, k) => [`total${k}`, total])),
    whole: { columns, parts: count },
    groups: [groupsFor(columns)],
    main: forEach(
      'u.columns',
      each
        .map(
          (k) => `var sum${k} = 0.0;
         for (var p = 0u; p < u.parts; p++) { sum${k} += partial[(${sums}u * p + ${k}u) * u.columns + i]; }
         total${k}[i] = sum${k};`,
        )
        .join('\n'),
    ),
  });
  return totals;
}
