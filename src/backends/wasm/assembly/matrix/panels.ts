/** Matrix products of any shape: the right operand is packed in panels, the left one is read in place. */
import { multiplyPanels, multiplyTransposed, PANEL, ROWS, wholePanels } from './matmul';
import { bytes, F, madd } from '../simd';

/** Panels that a single row is multiplied with at a time, for independent sums. */
const ABREAST: i32 = 4;

/**
 * Packs `b[depth][columns]` in panels, the last one padded with zeros.
 *
 * @param ldb - Bytes from one row of `b` in memory to the next.
 * @param transposed - Whether `b` is stored as `[columns][depth]`.
 * @param panelBytes - Bytes from one panel to the next.
 */
export function packPanels(
  b: usize,
  ldb: usize,
  transposed: bool,
  depth: i32,
  columns: i32,
  panels: usize,
  panelBytes: usize,
): void {
  for (let j = 0; j < columns; j += PANEL) {
    const width = min(PANEL, columns - j);
    if (transposed) packTransposed(b + <usize>j * ldb, ldb, depth, width, panels);
    else packStraight(b + bytes(j), ldb, depth, width, panels);
    panels += panelBytes;
  }
}

function packStraight(b: usize, ldb: usize, depth: i32, width: i32, panel: usize): void {
  if (width < PANEL) memory.fill(panel, 0, bytes(depth * PANEL));
  for (let k = 0; k < depth; k++) {
    if (width == PANEL) {
      v128.store(panel, v128.load(b));
      v128.store(panel, v128.load(b, 16), 16);
    } else {
      for (let j = 0; j < width; j++) store<f32>(panel + bytes(j), load<f32>(b + bytes(j)));
    }
    b += ldb;
    panel += 32;
  }
}

function packTransposed(b: usize, ldb: usize, depth: i32, width: i32, panel: usize): void {
  if (width < PANEL) memory.fill(panel, 0, bytes(depth * PANEL));
  let j = 0;
  for (; j + 4 <= width; j += 4) packFourRows(b + <usize>j * ldb, ldb, depth, panel + bytes(j));
  for (; j < width; j++) {
    const row = b + <usize>j * ldb;
    for (let k = 0; k < depth; k++) store<f32>(panel + bytes(k * PANEL + j), load<f32>(row + bytes(k)));
  }
}

/** Transposes four rows into four columns of a panel. */
function packFourRows(row: usize, ldb: usize, depth: i32, panel: usize): void {
  let k = 0;
  for (; k + 4 <= depth; k += 4) {
    const r0 = v128.load(row);
    const r1 = v128.load(row + ldb);
    const r2 = v128.load(row + 2 * ldb);
    const r3 = v128.load(row + 3 * ldb);
    const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5);
    const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
    const low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
    const high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
    v128.store(panel, i64x2.shuffle(low01, low23, 0, 2));
    v128.store(panel, i64x2.shuffle(low01, low23, 1, 3), 32);
    v128.store(panel, i64x2.shuffle(high01, high23, 0, 2), 64);
    v128.store(panel, i64x2.shuffle(high01, high23, 1, 3), 96);
    row += 16;
    panel += 128;
  }
  for (; k < depth; k++) {
    store<f32>(panel, load<f32>(row));
    store<f32>(panel, load<f32>(row + ldb), 4);
    store<f32>(panel, load<f32>(row + 2 * ldb), 8);
    store<f32>(panel, load<f32>(row + 3 * ldb), 12);
    row += F;
    panel += 32;
  }
}

/**
 * `c[rows][8 panels] (+)= a * b` for any number of rows.
 *
 * @param lda - Bytes from one row of `a` in memory to the next.
 * @param transposed - Whether `a` is stored as `[depth][rows]`.
 */
export function multiplyPacked(
  rows: i32,
  panels: i32,
  depth: i32,
  a: usize,
  lda: usize,
  transposed: bool,
  b: usize,
  panelBytes: usize,
  c: usize,
  ldc: usize,
  accumulate: bool,
): void {
  const inTiles = rows & ~(ROWS - 1);
  if (transposed) multiplyTransposed(inTiles, panels, depth, a, lda, b, panelBytes, c, ldc, accumulate);
  else multiplyPanels(inTiles, panels, depth, a, lda, b, panelBytes, c, ldc, accumulate);
  const rowStep = transposed ? F : lda;
  const depthStep = transposed ? lda : F;
  for (let i = inTiles; i < rows; i++) {
    const row = a + <usize>i * rowStep;
    multiplyRow(panels, depth, row, depthStep, b, panelBytes, 32, c + <usize>i * ldc, accumulate);
  }
}

/**
 * One row of a product: `c[8 panels] (+)= sum over k of a[k] b[k]`. Each weight is used only once, so that
 * sequential reads matter most.
 *
 * @param aStep - Bytes from one `a[k]` to the next.
 * @param panelStep - Bytes from one panel of `b` to the next.
 * @param bStep - Bytes from one row of a panel to the next: 32 if packed, otherwise a row of `b`.
 */
export function multiplyRow(
  panels: i32,
  depth: i32,
  a: usize,
  aStep: usize,
  b: usize,
  panelStep: usize,
  bStep: usize,
  c: usize,
  accumulate: bool,
): void {
  let p = 0;
  for (; p + ABREAST <= panels; p += ABREAST) {
    rowTimesFour(depth, a, aStep, b, panelStep, bStep, c, accumulate);
    b += <usize>ABREAST * panelStep;
    c += bytes(ABREAST * PANEL);
  }
  for (; p < panels; p++) {
    rowTimesOne(depth, a, aStep, b, bStep, c, accumulate);
    b += panelStep;
    c += bytes(PANEL);
  }
}

function rowTimesFour(
  depth: i32,
  a: usize,
  aStep: usize,
  b: usize,
  panelStep: usize,
  bStep: usize,
  c: usize,
  accumulate: bool,
): void {
  let b1 = b + panelStep;
  let b2 = b1 + panelStep;
  let b3 = b2 + panelStep;
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
    x1 = v128.load(c, 32);
    y1 = v128.load(c, 48);
    x2 = v128.load(c, 64);
    y2 = v128.load(c, 80);
    x3 = v128.load(c, 96);
    y3 = v128.load(c, 112);
  }
  for (let k = depth; k > 0; k--) {
    const s = v128.load_splat<f32>(a);
    x0 = madd(x0, s, v128.load(b));
    y0 = madd(y0, s, v128.load(b, 16));
    x1 = madd(x1, s, v128.load(b1));
    y1 = madd(y1, s, v128.load(b1, 16));
    x2 = madd(x2, s, v128.load(b2));
    y2 = madd(y2, s, v128.load(b2, 16));
    x3 = madd(x3, s, v128.load(b3));
    y3 = madd(y3, s, v128.load(b3, 16));
    a += aStep;
    b += bStep;
    b1 += bStep;
    b2 += bStep;
    b3 += bStep;
  }
  v128.store(c, x0);
  v128.store(c, y0, 16);
  v128.store(c, x1, 32);
  v128.store(c, y1, 48);
  v128.store(c, x2, 64);
  v128.store(c, y2, 80);
  v128.store(c, x3, 96);
  v128.store(c, y3, 112);
}

function rowTimesOne(
  depth: i32,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  accumulate: bool,
): void {
  let x = f32x4.splat(0);
  let y = x;
  if (accumulate) {
    x = v128.load(c);
    y = v128.load(c, 16);
  }
  for (let k = depth; k > 0; k--) {
    const s = v128.load_splat<f32>(a);
    x = madd(x, s, v128.load(b));
    y = madd(y, s, v128.load(b, 16));
    a += aStep;
    b += bStep;
  }
  v128.store(c, x);
  v128.store(c, y, 16);
}

/** Bytes of `b[depth][columns]` in panels. */
export function packedBytes(depth: i32, columns: i32): usize {
  return bytes(depth * wholePanels(columns));
}
