/**
 * The five one-dimensional transforms of Winograd's algorithm for 3 taps, on vectors of four channels in memory.
 *
 * `size` is the number of outputs of a tile: 4 (points 0, ±0.625, ±1.5, infinity) or 2 (points 0, ±1, infinity). Each reads
 * its vectors `step` bytes apart and writes them `toStep` bytes apart. The folder's README derives them.
 */
import { madd, nmadd } from '../simd';

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;
const A3: f32 = A * A2;
const B3: f32 = B * B2;
/** Denominators of the filter transform, `product over the other points of (p - q)`. */
const N0: f32 = 1 / (A2 * B2);
const NA: f32 = 1 / (2 * A2 * (A2 - B2));
const NB: f32 = 1 / (2 * B2 * (B2 - A2));

/** Values of a tile along one axis. */
export function pointsOf(size: i32): i32 {
  return size + 2;
}

/** `B^T d`: size + 2 pixels to as many points. */
export function inputTransform(size: i32, from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from);
  const d1 = v128.load(from + step);
  const d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step);
  if (size == 2) {
    v128.store(to, f32x4.sub(d0, d2));
    v128.store(to + toStep, f32x4.add(d1, d2));
    v128.store(to + 2 * toStep, f32x4.sub(d2, d1));
    v128.store(to + 3 * toStep, f32x4.sub(d1, d3));
    return;
  }
  const d4 = v128.load(from + 4 * step);
  const d5 = v128.load(from + 5 * step);
  const evenA = nmadd(d4, f32x4.splat(B2), d2);
  const oddA = f32x4.mul(f32x4.splat(A), nmadd(d3, f32x4.splat(B2), d1));
  const evenB = nmadd(d4, f32x4.splat(A2), d2);
  const oddB = f32x4.mul(f32x4.splat(B), nmadd(d3, f32x4.splat(A2), d1));
  v128.store(to, madd(nmadd(d4, f32x4.splat(A2 + B2), d2), f32x4.splat(A2 * B2), d0));
  v128.store(to + toStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * toStep, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * toStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * toStep, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * toStep, madd(nmadd(d5, f32x4.splat(A2 + B2), d3), f32x4.splat(A2 * B2), d1));
}

/** `A^T m`: size + 2 points to size outputs. */
export function outputTransform(size: i32, from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from);
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const sumA = f32x4.add(m1, m2);
  const differenceA = f32x4.sub(m1, m2);
  if (size == 2) {
    v128.store(to, f32x4.add(m0, sumA));
    v128.store(to + toStep, f32x4.sub(differenceA, m3));
    return;
  }
  const m4 = v128.load(from + 4 * step);
  const m5 = v128.load(from + 5 * step);
  const sumB = f32x4.add(m3, m4);
  const differenceB = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, sumA), sumB));
  v128.store(to + toStep, madd(f32x4.mul(differenceA, f32x4.splat(A)), differenceB, f32x4.splat(B)));
  v128.store(to + 2 * toStep, madd(f32x4.mul(sumA, f32x4.splat(A2)), sumB, f32x4.splat(B2)));
  v128.store(to + 3 * toStep, madd(madd(m5, differenceA, f32x4.splat(A3)), differenceB, f32x4.splat(B3)));
}

/** `G g`: 3 taps to size + 2 points. */
export function filterTransform(size: i32, from: usize, step: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + step);
  const g2 = v128.load(from + 2 * step);
  if (size == 2) {
    const outer = f32x4.add(g0, g2);
    v128.store(to, g0);
    v128.store(to + toStep, f32x4.mul(f32x4.add(outer, g1), f32x4.splat(0.5)));
    v128.store(to + 2 * toStep, f32x4.mul(f32x4.sub(outer, g1), f32x4.splat(0.5)));
    v128.store(to + 3 * toStep, g2);
    return;
  }
  const evenA = madd(g0, g2, f32x4.splat(A2));
  const oddA = f32x4.mul(g1, f32x4.splat(A));
  const evenB = madd(g0, g2, f32x4.splat(B2));
  const oddB = f32x4.mul(g1, f32x4.splat(B));
  v128.store(to, f32x4.mul(g0, f32x4.splat(N0)));
  v128.store(to + toStep, f32x4.mul(f32x4.add(evenA, oddA), f32x4.splat(NA)));
  v128.store(to + 2 * toStep, f32x4.mul(f32x4.sub(evenA, oddA), f32x4.splat(NA)));
  v128.store(to + 3 * toStep, f32x4.mul(f32x4.add(evenB, oddB), f32x4.splat(NB)));
  v128.store(to + 4 * toStep, f32x4.mul(f32x4.sub(evenB, oddB), f32x4.splat(NB)));
  v128.store(to + 5 * toStep, g2);
}

/** `A y`, the transpose of {@link outputTransform}: size output gradients to size + 2 points. */
export function gradientTransform(size: i32, from: usize, step: usize, to: usize, toStep: usize): void {
  const y0 = v128.load(from);
  const y1 = v128.load(from + step);
  v128.store(to, y0);
  if (size == 2) {
    v128.store(to + toStep, f32x4.add(y0, y1));
    v128.store(to + 2 * toStep, f32x4.sub(y0, y1));
    v128.store(to + 3 * toStep, f32x4.neg(y1));
    return;
  }
  const y2 = v128.load(from + 2 * step);
  const y3 = v128.load(from + 3 * step);
  const evenA = madd(y0, y2, f32x4.splat(A2));
  const oddA = f32x4.mul(f32x4.splat(A), madd(y1, y3, f32x4.splat(A2)));
  const evenB = madd(y0, y2, f32x4.splat(B2));
  const oddB = f32x4.mul(f32x4.splat(B), madd(y1, y3, f32x4.splat(B2)));
  v128.store(to + toStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * toStep, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * toStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * toStep, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * toStep, y3);
}

/** `G^T u`, the transpose of {@link filterTransform}: size + 2 points to the gradients of 3 taps. */
export function tapTransform(size: i32, from: usize, step: usize, to: usize, toStep: usize): void {
  const u0 = v128.load(from);
  const u1 = v128.load(from + step);
  const u2 = v128.load(from + 2 * step);
  const u3 = v128.load(from + 3 * step);
  if (size == 2) {
    const sum = f32x4.mul(f32x4.add(u1, u2), f32x4.splat(0.5));
    v128.store(to, f32x4.add(u0, sum));
    v128.store(to + toStep, f32x4.mul(f32x4.sub(u1, u2), f32x4.splat(0.5)));
    v128.store(to + 2 * toStep, f32x4.add(u3, sum));
    return;
  }
  const u4 = v128.load(from + 4 * step);
  const u5 = v128.load(from + 5 * step);
  const sumA = f32x4.mul(f32x4.add(u1, u2), f32x4.splat(NA));
  const differenceA = f32x4.mul(f32x4.sub(u1, u2), f32x4.splat(NA));
  const sumB = f32x4.mul(f32x4.add(u3, u4), f32x4.splat(NB));
  const differenceB = f32x4.mul(f32x4.sub(u3, u4), f32x4.splat(NB));
  v128.store(to, madd(f32x4.add(sumA, sumB), u0, f32x4.splat(N0)));
  v128.store(to + toStep, madd(f32x4.mul(differenceA, f32x4.splat(A)), differenceB, f32x4.splat(B)));
  v128.store(to + 2 * toStep, madd(madd(u5, sumA, f32x4.splat(A2)), sumB, f32x4.splat(B2)));
}
