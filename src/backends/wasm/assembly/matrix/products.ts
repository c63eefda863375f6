import { PANEL } from './matmul';
import { multiplyPacked, multiplyRow, packPanels } from './panels';
import { bytes, F } from '../simd';

/** Depth of a partial product: a panel of it fits the L1 cache. */
const DEPTH: i32 = 256;
/** Rows of a partial product: with that depth they fit the L2 cache. */
const BLOCK_ROWS: i32 = 128;
/** Panels packed at a time: whole cache lines of each row. */
const GROUP: i32 = 4;
/** Least number of rows for which packing the right operand pays off. */
const FEWEST_PACKED: i32 = 4;

/** Bytes of scratch memory for {@link matrixProduct}. */
export function matrixProductScratch(): i32 {
  return <i32>bytes((GROUP * DEPTH + BLOCK_ROWS) * PANEL);
}

/**
 * `c[rows][columns] = a b`, with optional bias and ReLU.
 *
 * @param transposeA - Whether `a` is stored as `[depth][rows]`, else `[rows][depth]`.
 * @param transposeB - Whether `b` is stored as `[columns][depth]`, else `[depth][columns]`.
 * @param bias - `[columns]`, or 0 for none.
 */
export function matrixProduct(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  transposeA: bool,
  b: usize,
  transposeB: bool,
  c: usize,
  bias: usize,
  relu: bool,
  scratch: usize,
): void {
  const lda = bytes(transposeA ? rows : depth);
  const ldb = bytes(transposeB ? depth : columns);
  const ldc = bytes(columns);
  if (bias) {
    for (let i = 0; i < rows; i++) memory.copy(c + <usize>i * ldc, bias, ldc);
  }
  for (let k = 0; k < depth; k += DEPTH) {
    const deep = min(DEPTH, depth - k);
    const accumulate = bias != 0 || k > 0;
    const bk = b + (transposeB ? bytes(k) : <usize>k * ldb);
    for (let i = 0; i < rows; i += BLOCK_ROWS) {
      const many = min(BLOCK_ROWS, rows - i);
      const at = transposeA ? <usize>k * lda + bytes(i) : <usize>i * lda + bytes(k);
      const ci = c + <usize>i * ldc;
      blockProduct(many, columns, deep, a + at, lda, transposeA, bk, ldb, transposeB, ci, accumulate, scratch); // prettier-ignore
    }
  }
  if (relu) clampNegative(c, rows * columns);
}

/** A partial product whose `a` fits the cache. */
function blockProduct(
  rows: i32,
  columns: i32,
  depth: i32,
  a: usize,
  lda: usize,
  transposeA: bool,
  b: usize,
  ldb: usize,
  transposeB: bool,
  c: usize,
  accumulate: bool,
  panels: usize,
): void {
  const panelBytes = bytes(DEPTH * PANEL);
  const edge = panels + <usize>GROUP * panelBytes;
  const ldc = bytes(columns);
  const whole = columns / PANEL;
  let p = 0;
  if (rows < FEWEST_PACKED && !transposeB) {
    for (let i = 0; i < rows; i++) {
      const row = a + (transposeA ? bytes(i) : <usize>i * lda);
      multiplyRow(whole, depth, row, transposeA ? lda : F, b, 32, ldb, c + <usize>i * ldc, accumulate);
    }
    p = whole;
  }
  for (; p < whole; p += GROUP) {
    const count = min(GROUP, whole - p);
    const from = b + <usize>(p * PANEL) * (transposeB ? ldb : F);
    packPanels(from, ldb, transposeB, depth, count * PANEL, panels, panelBytes);
    const to = c + bytes(p * PANEL);
    multiplyPacked(rows, count, depth, a, lda, transposeA, panels, panelBytes, to, ldc, accumulate);
  }
  const rest = columns % PANEL;
  if (rest == 0) return;
  const last = whole * PANEL;
  packPanels(b + <usize>last * (transposeB ? ldb : F), ldb, transposeB, depth, rest, panels, panelBytes);
  multiplyPacked(rows, 1, depth, a, lda, transposeA, panels, panelBytes, edge, 32, false);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rest; j++) {
      const to = c + <usize>i * ldc + bytes(last + j);
      const sum = load<f32>(edge + bytes(i * PANEL + j));
      store<f32>(to, accumulate ? load<f32>(to) + sum : sum);
    }
  }
}

/** ReLU that propagates NaN, like the other backends. */
function clampNegative(c: usize, count: i32): void {
  let i = 0;
  const zero = f32x4.splat(0);
  for (; i + 4 <= count; i += 4) {
    const at = c + bytes(i);
    v128.store(at, f32x4.max(v128.load(at), zero));
  }
  for (; i < count; i++) store<f32>(c + bytes(i), max<f32>(load<f32>(c + bytes(i)), 0));
}
