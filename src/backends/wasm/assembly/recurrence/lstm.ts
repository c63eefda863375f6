/**
 * An LSTM over time with zero inputs, in one direction; the formulas are in `layers/lstm_recurrence.ts`. The memory
 * layout is that of the GRU.
 */
import { sigmoid, tanh } from './activations';
import { wholePanels } from '../matrix/matmul';
import { multiplyPacked, packedBytes, packPanels } from '../matrix/panels';
import { matrixProduct, matrixProductScratch } from '../matrix/products';
import { sliceAt, sumRows } from './recurrence';
import { bytes, LANES, loadFirst, madd, nmadd, storeFirst } from '../simd';

/** Bytes of scratch memory for {@link lstmForward}. */
export function lstmForwardScratch(rows: i32, units: i32): i32 {
  return <i32>(packedBytes(units, 4 * units) + bytes(rows * wholePanels(4 * units)));
}

/**
 * @param rows - Number of rows of the batch to compute, which are independent; addresses are those of the first.
 * @param kernel - `[units, 4 units]`.
 * @param bias - `[4 units]`.
 * @param reverse - Whether time runs from the last slice to the first.
 * @param states - `[steps + 1, batch, units]`: the first is the initial state, the others are written.
 * @param cells - The cell states likewise.
 * @param gates - `[steps, batch, 5 units]`, written: `i`, `f`, `g`, `o` and `tanh(c')`.
 * @param y - The states again, `[batch, steps, ...]`, `yStep` bytes from one slice to the next.
 */
export function lstmForward(
  rows: i32,
  steps: i32,
  batch: i32,
  units: i32,
  kernel: usize,
  bias: usize,
  reverse: bool,
  states: usize,
  cells: usize,
  gates: usize,
  y: usize,
  yStep: usize,
  scratch: usize,
): void {
  const columns = 4 * units;
  const panelBytes = packedBytes(units, 1);
  const products = scratch + packedBytes(units, columns);
  const productStep = bytes(wholePanels(columns));
  const stateStep = bytes(units);
  const stepBytes = <usize>batch * stateStep;
  packPanels(kernel, bytes(columns), false, units, columns, scratch, panelBytes);
  for (let t = 0; t < steps; t++) {
    const panels = wholePanels(columns) >> 3;
    multiplyPacked(rows, panels, units, states, stateStep, false, scratch, panelBytes, products, productStep, false); // prettier-ignore
    for (let b = 0; b < rows; b++) {
      const at = <usize>b * stateStep;
      const next = states + stepBytes + at;
      step(units, bias, products + <usize>b * productStep, cells + at, cells + stepBytes + at, next, gates);
      memory.copy(y + <usize>(b * steps + sliceAt(t, steps, reverse)) * yStep, next, stateStep);
      gates += bytes(5 * units);
    }
    states += stepBytes;
    cells += stepBytes;
    gates += bytes((batch - rows) * 5 * units);
  }
}

/** One step of one row: from the recurrent product `a` to the next state and cell. */
function step(
  units: i32,
  bias: usize,
  a: usize,
  cell: usize,
  nextCell: usize,
  next: usize,
  gates: usize,
): void {
  const block = bytes(units);
  for (let k = 0; k < units; k += LANES) {
    const count = units - k;
    const i = sigmoid(f32x4.add(loadFirst(a, count), loadFirst(bias, count)));
    const f = sigmoid(f32x4.add(loadFirst(a + block, count), loadFirst(bias + block, count)));
    const g = tanh(f32x4.add(loadFirst(a + 2 * block, count), loadFirst(bias + 2 * block, count)));
    const o = sigmoid(f32x4.add(loadFirst(a + 3 * block, count), loadFirst(bias + 3 * block, count)));
    const c = madd(f32x4.mul(i, g), f, loadFirst(cell, count));
    const squashed = tanh(c);
    storeFirst(nextCell, c, count);
    storeFirst(next, f32x4.mul(o, squashed), count);
    storeFirst(gates, i, count);
    storeFirst(gates + block, f, count);
    storeFirst(gates + 2 * block, g, count);
    storeFirst(gates + 3 * block, o, count);
    storeFirst(gates + 4 * block, squashed, count);
    bias += 16;
    a += 16;
    cell += 16;
    nextCell += 16;
    next += 16;
    gates += 16;
  }
}

/** Bytes of scratch memory for {@link lstmBackward}. */
export function lstmBackwardScratch(steps: i32, batch: i32, units: i32): i32 {
  const da = bytes(steps * batch * 4 * units);
  const dh = bytes(batch * wholePanels(units));
  return <i32>(packedBytes(4 * units, units) + da + 2 * dh) + matrixProductScratch();
}

/**
 * @param dy - Gradient of the outputs, `dyStep` bytes from one slice to the next.
 * @param states - From the forward pass, like `cells` and `gates`.
 * @param dKernel - Of the kernel's shape; like `dBias`, of the bias's, and `dInitial`, `[batch, units]`, written.
 */
export function lstmBackward(
  steps: i32,
  batch: i32,
  units: i32,
  dy: usize,
  dyStep: usize,
  kernel: usize,
  reverse: bool,
  states: usize,
  cells: usize,
  gates: usize,
  dKernel: usize,
  dBias: usize,
  dInitial: usize,
  scratch: usize,
): void {
  const columns = 4 * units;
  const panelBytes = packedBytes(columns, 1);
  const da = scratch + packedBytes(columns, units);
  const dh = da + bytes(steps * batch * columns);
  const dhStep = bytes(wholePanels(units));
  const dc = dh + <usize>batch * dhStep;
  const rest = dc + <usize>batch * dhStep;
  packPanels(kernel, bytes(columns), true, columns, units, scratch, panelBytes);
  memory.fill(dh, 0, <usize>(2 * batch) * dhStep);
  for (let t = steps - 1; t >= 0; t--) {
    for (let b = 0; b < batch; b++) {
      const row = t * batch + b;
      const gradient = dy + <usize>(b * steps + sliceAt(t, steps, reverse)) * dyStep;
      const state = <usize>b * dhStep;
      const cell = cells + bytes(row * units);
      const kept = gates + bytes(row * 5 * units);
      stepBack(units, gradient, dh + state, dc + state, cell, kept, da + bytes(row * columns));
    }
    const step = da + bytes(t * batch * columns);
    const panels = wholePanels(units) >> 3;
    multiplyPacked(batch, panels, columns, step, bytes(columns), false, scratch, panelBytes, dh, dhStep, false); // prettier-ignore
  }
  matrixProduct(units, columns, steps * batch, states, true, da, false, dKernel, 0, false, rest);
  sumRows(da, steps * batch, columns, dBias);
  for (let b = 0; b < batch; b++) {
    memory.copy(dInitial + bytes(b * units), dh + <usize>b * dhStep, bytes(units));
  }
}

/**
 * One backward step of one row: from the gradients of the next state, `dy + dh`, and of the next cell, to those of the
 * recurrent product `da` and of the previous cell, which replaces `dc`.
 */
function stepBack(units: i32, dy: usize, dh: usize, dc: usize, cell: usize, gates: usize, da: usize): void {
  const block = bytes(units);
  const one = f32x4.splat(1);
  for (let k = 0; k < units; k += LANES) {
    const count = units - k;
    const d = f32x4.add(loadFirst(dy, count), loadFirst(dh, count));
    const i = loadFirst(gates, count);
    const f = loadFirst(gates + block, count);
    const g = loadFirst(gates + 2 * block, count);
    const o = loadFirst(gates + 3 * block, count);
    const squashed = loadFirst(gates + 4 * block, count);
    const dCell = madd(loadFirst(dc, count), f32x4.mul(d, o), nmadd(one, squashed, squashed));
    const di = f32x4.mul(f32x4.mul(dCell, g), f32x4.mul(i, f32x4.sub(one, i)));
    const df = f32x4.mul(f32x4.mul(dCell, loadFirst(cell, count)), f32x4.mul(f, f32x4.sub(one, f)));
    const dg = f32x4.mul(f32x4.mul(dCell, i), nmadd(one, g, g));
    const dO = f32x4.mul(f32x4.mul(d, squashed), f32x4.mul(o, f32x4.sub(one, o)));
    storeFirst(da, di, count);
    storeFirst(da + block, df, count);
    storeFirst(da + 2 * block, dg, count);
    storeFirst(da + 3 * block, dO, count);
    storeFirst(dc, f32x4.mul(dCell, f), count);
    dy += 16;
    dh += 16;
    dc += 16;
    cell += 16;
    gates += 16;
    da += 16;
  }
}
