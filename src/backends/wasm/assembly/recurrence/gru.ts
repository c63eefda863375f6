/**
 * A reset-after GRU over time, in one direction; the formulas are in `layers/gru_recurrence.ts`.
 *
 * Inputs, outputs and their gradients are `[batch, steps, ...]`; internal values are in the order of time,
 * `[steps, batch, ...]`, so that the states of each step are a matrix.
 */
import { sigmoid, tanh } from './activations';
import { wholePanels } from '../matrix/matmul';
import { multiplyPacked, packedBytes, packPanels } from '../matrix/panels';
import { matrixProduct, matrixProductScratch } from '../matrix/products';
import { sliceAt, sumRows } from './recurrence';
import { bytes, LANES, loadFirst, madd, nmadd, storeFirst } from '../simd';

/** Bytes of scratch memory for {@link gruForward}. */
export function gruForwardScratch(rows: i32, units: i32): i32 {
  return <i32>(packedBytes(units, 3 * units) + bytes(rows * wholePanels(3 * units)));
}

/**
 * @param rows - Number of rows of the batch to compute, which are independent; addresses are those of the first.
 * @param x - Projected inputs, `[batch, steps, 3 units]`.
 * @param kernel - `[units, 3 units]`.
 * @param bias - `[3 units]`.
 * @param mask - `[batch, steps]`, or 0 for none.
 * @param reverse - Whether time runs from the last slice to the first.
 * @param states - `[steps + 1, batch, units]`: the first is the initial state, the others are written.
 * @param gates - `[steps, batch, 4 units]`, written: `r`, `z`, `n` and `a_n`.
 * @param y - The states again, zero where masked, `yStep` bytes from one slice to the next.
 */
export function gruForward(
  rows: i32,
  steps: i32,
  batch: i32,
  units: i32,
  x: usize,
  kernel: usize,
  bias: usize,
  mask: usize,
  reverse: bool,
  states: usize,
  gates: usize,
  y: usize,
  yStep: usize,
  scratch: usize,
): void {
  const columns = 3 * units;
  const panelBytes = packedBytes(units, 1);
  const products = scratch + packedBytes(units, columns);
  const productStep = bytes(wholePanels(columns));
  const stateStep = bytes(units);
  packPanels(kernel, bytes(columns), false, units, columns, scratch, panelBytes);
  for (let t = 0; t < steps; t++) {
    const panels = wholePanels(columns) >> 3;
    multiplyPacked(rows, panels, units, states, stateStep, false, scratch, panelBytes, products, productStep, false); // prettier-ignore
    for (let b = 0; b < rows; b++) {
      const slice = b * steps + sliceAt(t, steps, reverse);
      const previous = states + <usize>b * stateStep;
      const next = previous + <usize>batch * stateStep;
      const output = y + <usize>slice * yStep;
      if (mask && load<f32>(mask + bytes(slice)) == 0) {
        memory.copy(next, previous, stateStep);
        memory.fill(output, 0, stateStep);
      } else {
        step(units, x + bytes(slice * columns), bias, products + <usize>b * productStep, previous, next, gates); // prettier-ignore
        memory.copy(output, next, stateStep);
      }
      gates += bytes(4 * units);
    }
    states += <usize>batch * stateStep;
    gates += bytes((batch - rows) * 4 * units);
  }
}

/** One step of one patient: from the recurrent product `a` to the next state. */
function step(units: i32, x: usize, bias: usize, a: usize, previous: usize, next: usize, gates: usize): void {
  const block = bytes(units);
  for (let k = 0; k < units; k += LANES) {
    const count = units - k;
    const r = sigmoid(inputOfGate(x, bias, a, count));
    const z = sigmoid(inputOfGate(x + block, bias + block, a + block, count));
    const recurrent = f32x4.add(loadFirst(a + 2 * block, count), loadFirst(bias + 2 * block, count));
    const n = tanh(madd(loadFirst(x + 2 * block, count), r, recurrent));
    const h = madd(n, z, f32x4.sub(loadFirst(previous, count), n));
    storeFirst(next, h, count);
    storeFirst(gates, r, count);
    storeFirst(gates + block, z, count);
    storeFirst(gates + 2 * block, n, count);
    storeFirst(gates + 3 * block, recurrent, count);
    x += 16;
    bias += 16;
    a += 16;
    previous += 16;
    next += 16;
    gates += 16;
  }
}

function inputOfGate(x: usize, bias: usize, a: usize, count: i32): v128 {
  return f32x4.add(loadFirst(x, count), f32x4.add(loadFirst(a, count), loadFirst(bias, count)));
}

/** Bytes of scratch memory for {@link gruBackward}. */
export function gruBackwardScratch(steps: i32, batch: i32, units: i32): i32 {
  const da = bytes(steps * batch * 3 * units);
  const dh = bytes(batch * wholePanels(units));
  return <i32>(packedBytes(3 * units, units) + da + dh) + matrixProductScratch();
}

/**
 * @param dy - Gradient of the outputs, `dyStep` bytes from one slice to the next.
 * @param states - From the forward pass, like `gates`.
 * @param dx - `[batch, steps, 3 units]`; like `dKernel` and `dBias`, of the shapes of kernel and bias, written.
 * @param dInitial - `[batch, units]`, written; or 0 for none.
 */
export function gruBackward(
  steps: i32,
  batch: i32,
  units: i32,
  dy: usize,
  dyStep: usize,
  kernel: usize,
  mask: usize,
  reverse: bool,
  states: usize,
  gates: usize,
  dx: usize,
  dKernel: usize,
  dBias: usize,
  dInitial: usize,
  scratch: usize,
): void {
  const columns = 3 * units;
  const panelBytes = packedBytes(columns, 1);
  const da = scratch + packedBytes(columns, units);
  const dh = da + bytes(steps * batch * columns);
  const dhStep = bytes(wholePanels(units));
  const rest = dh + <usize>batch * dhStep;
  packPanels(kernel, bytes(columns), true, columns, units, scratch, panelBytes);
  memory.fill(dh, 0, <usize>batch * dhStep);
  for (let t = steps - 1; t >= 0; t--) {
    for (let b = 0; b < batch; b++) {
      const slice = b * steps + sliceAt(t, steps, reverse);
      const row = t * batch + b;
      const inputs = dx + bytes(slice * columns);
      const products = da + bytes(row * columns);
      if (mask && load<f32>(mask + bytes(slice)) == 0) {
        memory.fill(inputs, 0, bytes(columns));
        memory.fill(products, 0, bytes(columns));
      } else {
        const previous = states + bytes(row * units);
        const kept = gates + bytes(row * 4 * units);
        stepBack(units, dy + <usize>slice * dyStep, dh + <usize>b * dhStep, previous, kept, inputs, products);
      }
    }
    // the first step yields the gradient of the initial state, which may not be requested
    if (t == 0 && !dInitial) break;
    const step = da + bytes(t * batch * columns);
    const panels = wholePanels(units) >> 3;
    multiplyPacked(batch, panels, columns, step, bytes(columns), false, scratch, panelBytes, dh, dhStep, true); // prettier-ignore
  }
  matrixProduct(units, columns, steps * batch, states, true, da, false, dKernel, 0, false, rest);
  sumRows(da, steps * batch, columns, dBias);
  for (let b = 0; dInitial != 0 && b < batch; b++) {
    memory.copy(dInitial + bytes(b * units), dh + <usize>b * dhStep, bytes(units));
  }
}

/**
 * One backward step of one patient: from the gradient of the next state, `dy + dh`, to those of the input `dx`, of the
 * recurrent product `da` and, except for the path through that product, of the previous state, which replaces `dh`.
 */
function stepBack(
  units: i32,
  dy: usize,
  dh: usize,
  previous: usize,
  gates: usize,
  dx: usize,
  da: usize,
): void {
  const block = bytes(units);
  const one = f32x4.splat(1);
  for (let k = 0; k < units; k += LANES) {
    const count = units - k;
    const d = f32x4.add(loadFirst(dy, count), loadFirst(dh, count));
    const r = loadFirst(gates, count);
    const z = loadFirst(gates + block, count);
    const n = loadFirst(gates + 2 * block, count);
    const recurrent = loadFirst(gates + 3 * block, count);
    const dn = f32x4.mul(f32x4.mul(d, f32x4.sub(one, z)), nmadd(one, n, n));
    const dr = f32x4.mul(f32x4.mul(dn, recurrent), f32x4.mul(r, f32x4.sub(one, r)));
    const change = f32x4.sub(loadFirst(previous, count), n);
    const dz = f32x4.mul(f32x4.mul(d, change), f32x4.mul(z, f32x4.sub(one, z)));
    storeFirst(dx, dr, count);
    storeFirst(dx + block, dz, count);
    storeFirst(dx + 2 * block, dn, count);
    storeFirst(da, dr, count);
    storeFirst(da + block, dz, count);
    storeFirst(da + 2 * block, f32x4.mul(dn, r), count);
    storeFirst(dh, f32x4.mul(d, z), count);
    dy += 16;
    dh += 16;
    previous += 16;
    gates += 16;
    dx += 16;
    da += 16;
  }
}
