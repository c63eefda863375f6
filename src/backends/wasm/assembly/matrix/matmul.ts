/**
 * Matrix products, the core of every convolution here.
 *
 * A product is divided into tiles of 4 rows by 8 columns, whose sums stay in eight vector registers for the whole
 * depth: more would not fit the sixteen of x86. The right operand is packed in panels of 8 columns,
 * `[columns / 8][depth][8]`, so that it is read sequentially.
 */
import { bytes, F, madd } from '../simd';

/** Rows of a tile. */
export const ROWS: i32 = 4;
/** Columns of a tile and of a panel. */
export const PANEL: i32 = 8;

/** `n` rounded up to whole tiles. */
export function wholeRows(n: i32): i32 {
  return (n + ROWS - 1) & ~(ROWS - 1);
}

/** `n` rounded up to whole panels. */
export function wholePanels(n: i32): i32 {
  return (n + PANEL - 1) & ~(PANEL - 1);
}

/**
 * One tile: `c[i][j] (+)= sum over k of a[i][k] panel[k][j]`.
 *
 * @param lda - Bytes from one row of `a` to the next; `ldc` likewise for `c`.
 */
function tile(depth: i32, a: usize, lda: usize, panel: usize, c: usize, ldc: usize, accumulate: bool): void {
  let a1 = a + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  const c1 = c + ldc;
  const c2 = c1 + ldc;
  const c3 = c2 + ldc;
  let x0 = f32x4.splat(0);
  let y0 = x0;
  let x1 = x0;
  let y1 = x0;
  let x2 = x0;
  let y2 = x0;
  let x3 = x0;
  let y3 = x0;
  if (accumulate) {
    x0 = v128.load(c);
    y0 = v128.load(c, 16);
    x1 = v128.load(c1);
    y1 = v128.load(c1, 16);
    x2 = v128.load(c2);
    y2 = v128.load(c2, 16);
    x3 = v128.load(c3);
    y3 = v128.load(c3, 16);
  }
  // not unrolled: the engine does that better
  for (let k = depth; k > 0; k--) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    const s0 = v128.load_splat<f32>(a);
    x0 = madd(x0, s0, left);
    y0 = madd(y0, s0, right);
    const s1 = v128.load_splat<f32>(a1);
    x1 = madd(x1, s1, left);
    y1 = madd(y1, s1, right);
    const s2 = v128.load_splat<f32>(a2);
    x2 = madd(x2, s2, left);
    y2 = madd(y2, s2, right);
    const s3 = v128.load_splat<f32>(a3);
    x3 = madd(x3, s3, left);
    y3 = madd(y3, s3, right);
    a += F;
    a1 += F;
    a2 += F;
    a3 += F;
    panel += 32;
  }
  v128.store(c, x0);
  v128.store(c, y0, 16);
  v128.store(c1, x1);
  v128.store(c1, y1, 16);
  v128.store(c2, x2);
  v128.store(c2, y2, 16);
  v128.store(c3, x3);
  v128.store(c3, y3, 16);
}

/**
 * `c[rows][8 panels] (+)= a[rows][depth] * b`, `rows` a multiple of {@link ROWS}.
 *
 * @param lda - Bytes from one row of `a` to the next; `ldc` likewise for `c`.
 * @param panelBytes - Bytes from one panel of `b` to the next.
 */
export function multiplyPanels(
  rows: i32,
  panels: i32,
  depth: i32,
  a: usize,
  lda: usize,
  b: usize,
  panelBytes: usize,
  c: usize,
  ldc: usize,
  accumulate: bool,
): void {
  for (let p = 0; p < panels; p++) {
    let ai = a;
    let ci = c + bytes(p * PANEL);
    for (let i = 0; i < rows; i += ROWS) {
      tile(depth, ai, lda, b, ci, ldc, accumulate);
      ai += <usize>ROWS * lda;
      ci += <usize>ROWS * ldc;
    }
    b += panelBytes;
  }
}

/**
 * One tile of a product that sums over rows: `c[i][j] (+)= sum over t of a[t][i] panel[t][j]`, 4 by 8. A function of its
 * own, since {@link tile} is 11 % slower with the steps as parameters.
 */
function transposedTile(
  depth: i32,
  a: usize,
  lda: usize,
  panel: usize,
  c: usize,
  ldc: usize,
  accumulate: bool,
): void {
  const c1 = c + ldc;
  const c2 = c1 + ldc;
  const c3 = c2 + ldc;
  let x0 = f32x4.splat(0);
  let y0 = x0;
  let x1 = x0;
  let y1 = x0;
  let x2 = x0;
  let y2 = x0;
  let x3 = x0;
  let y3 = x0;
  if (accumulate) {
    x0 = v128.load(c);
    y0 = v128.load(c, 16);
    x1 = v128.load(c1);
    y1 = v128.load(c1, 16);
    x2 = v128.load(c2);
    y2 = v128.load(c2, 16);
    x3 = v128.load(c3);
    y3 = v128.load(c3, 16);
  }
  for (let t = depth; t > 0; t--) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    const s0 = v128.load_splat<f32>(a);
    x0 = madd(x0, s0, left);
    y0 = madd(y0, s0, right);
    const s1 = v128.load_splat<f32>(a, 4);
    x1 = madd(x1, s1, left);
    y1 = madd(y1, s1, right);
    const s2 = v128.load_splat<f32>(a, 8);
    x2 = madd(x2, s2, left);
    y2 = madd(y2, s2, right);
    const s3 = v128.load_splat<f32>(a, 12);
    x3 = madd(x3, s3, left);
    y3 = madd(y3, s3, right);
    a += lda;
    panel += 32;
  }
  v128.store(c, x0);
  v128.store(c, y0, 16);
  v128.store(c1, x1);
  v128.store(c1, y1, 16);
  v128.store(c2, x2);
  v128.store(c2, y2, 16);
  v128.store(c3, x3);
  v128.store(c3, y3, 16);
}

/**
 * `c[columns][8 panels] (+)= a^T * b`, summed over `depth` rows of both; `columns` a multiple of {@link ROWS}.
 *
 * @param lda - Bytes from one row of `a` to the next; `ldc` likewise for `c`.
 * @param panelBytes - Bytes from one panel of `b` to the next.
 */
export function multiplyTransposed(
  columns: i32,
  panels: i32,
  depth: i32,
  a: usize,
  lda: usize,
  b: usize,
  panelBytes: usize,
  c: usize,
  ldc: usize,
  accumulate: bool,
): void {
  for (let p = 0; p < panels; p++) {
    const cp = c + bytes(p * PANEL);
    for (let i = 0; i < columns; i += ROWS) {
      transposedTile(depth, a + bytes(i), lda, b, cp + <usize>i * ldc, ldc, accumulate);
    }
    b += panelBytes;
  }
}
