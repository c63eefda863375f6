/**
 * The five one-dimensional transforms of Winograd's algorithm for 3 taps and 4 outputs, on vectors of four channels in
 * memory; the points are 0, ±0.625, ±1.5 and infinity. Each reads its vectors `step` bytes apart and writes them `toStep`
 * bytes apart. The folder's README derives them.
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

/** Outputs of a tile along one axis. */
export const SIZE: i32 = 4;
/** Pixels of a tile along one axis, and values after the transform. */
export const POINTS: i32 = SIZE + 2;
/** Values of a transformed tile. */
export const VALUES: i32 = POINTS * POINTS;

/** `B^T d`: 6 pixels to as many points. */
export function inputTransform(from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from);
  const d1 = v128.load(from + step);
  const d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step);
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

/** `A^T m`: 6 points to 4 outputs. */
export function outputTransform(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from);
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const sumA = f32x4.add(m1, m2);
  const differenceA = f32x4.sub(m1, m2);
  const m4 = v128.load(from + 4 * step);
  const m5 = v128.load(from + 5 * step);
  const sumB = f32x4.add(m3, m4);
  const differenceB = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, sumA), sumB));
  v128.store(to + toStep, madd(f32x4.mul(differenceA, f32x4.splat(A)), differenceB, f32x4.splat(B)));
  v128.store(to + 2 * toStep, madd(f32x4.mul(sumA, f32x4.splat(A2)), sumB, f32x4.splat(B2)));
  v128.store(to + 3 * toStep, madd(madd(m5, differenceA, f32x4.splat(A3)), differenceB, f32x4.splat(B3)));
}

/** `G g`: 3 taps to 6 points. */
export function filterTransform(from: usize, step: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + step);
  const g2 = v128.load(from + 2 * step);
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

/** `A y`, the transpose of {@link outputTransform}: the gradients of 4 outputs to 6 points. */
export function gradientTransform(from: usize, step: usize, to: usize, toStep: usize): void {
  const y0 = v128.load(from);
  const y1 = v128.load(from + step);
  v128.store(to, y0);
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

/** `G^T u`, the transpose of {@link filterTransform}: 6 points to the gradients of 3 taps. */
export function tapTransform(from: usize, step: usize, to: usize, toStep: usize): void {
  const u0 = v128.load(from);
  const u1 = v128.load(from + step);
  const u2 = v128.load(from + 2 * step);
  const u3 = v128.load(from + 3 * step);
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
