/** The asymmetric loss and its slope in one pass over the logits. */
import { binaryExponent, expOfNegative, isWhole, LN2, log, log1p, logOfRatio, wholePower } from './math';
import { bytes, nmadd } from './simd';

/**
 * Loss and derivative of every entry, by the formulas beside the loss itself; entries with label -1 are left out, others
 * outside [0, 1] give NaN.
 *
 * @param labels - `[count]`, like `logits`.
 * @param losses - `[count]`, or 0 for none.
 * @param slopes - `[count]`, or 0 for none.
 * @param focusPos - `gammaPos` in the derivative: 0 if the focusing weight counts as a constant.
 * @param sums - Two floats: the sum of losses and the number of entries that count.
 * @param scratch - 64 bytes.
 */
export function asymmetricLoss(
  count: i32,
  labels: usize,
  logits: usize,
  losses: usize,
  slopes: usize,
  gammaPos: f32,
  gammaNeg: f32,
  focusPos: f32,
  focusNeg: f32,
  margin: f32,
  sums: usize,
  scratch: usize,
): void {
  const posIsWhole = isWhole(gammaPos);
  const negIsWhole = isWhole(gammaNeg);
  const wholePos = posIsWhole ? <i32>gammaPos : 0;
  const wholeNeg = negIsWhole ? <i32>gammaNeg : 0;
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  let total = f64x2.splat(0);
  let kept = i32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    let y = labels;
    let x = logits;
    const rest = bytes(count - i);
    if (rest < 16) {
      // the last entries, padded with ignored ones
      v128.store(scratch, f32x4.splat(-1));
      v128.store(scratch + 16, zero);
      memory.copy(scratch, labels, rest);
      memory.copy(scratch + 16, logits, rest);
      y = scratch;
      x = scratch + 16;
    }
    const given = v128.load(y);
    const counts = f32x4.ne(given, f32x4.splat(-1));
    const valid = v128.and(f32x4.ge(given, zero), f32x4.le(given, one));
    const label = v128.bitselect(given, f32x4.splat(NaN), valid);
    kept = i32x4.sub(kept, counts);

    const z = v128.load(x);
    const e = expOfNegative(f32x4.neg(f32x4.abs(z)));
    const large = f32x4.div(one, f32x4.add(one, e));
    const small = f32x4.mul(e, large);
    const below = f32x4.lt(z, zero);
    const p = v128.bitselect(small, large, below);
    const s = v128.bitselect(large, small, below);
    const soft = log1p(e);
    const l = f32x4.add(f32x4.pmax(f32x4.neg(z), zero), soft);
    const sp = f32x4.add(f32x4.pmax(z, zero), soft);

    const weightPos = f32x4.mul(
      label,
      posIsWhole ? wholePower(s, wholePos) : expOfNegative(f32x4.mul(sp, f32x4.splat(-gammaPos))),
    );
    const weightShare = f32x4.sub(one, label);
    let n = sp;
    let pnByQ = sp;
    let psBy1mq = p;
    let weightNeg: v128;
    let costs = counts;
    if (margin == 0) {
      weightNeg = f32x4.mul(
        weightShare,
        negIsWhole ? wholePower(p, wholeNeg) : expOfNegative(f32x4.mul(l, f32x4.splat(-gammaNeg))),
      );
    } else {
      const q = f32x4.sub(p, f32x4.splat(margin));
      costs = v128.andnot(counts, f32x4.le(q, zero)); // keeps NaN
      const oneMinusQ = f32x4.add(s, f32x4.splat(margin));
      n = minusLog1m(q, oneMinusQ);
      pnByQ = f32x4.mul(p, f32x4.div(n, q));
      psBy1mq = f32x4.div(f32x4.mul(p, s), oneMinusQ);
      weightNeg = f32x4.mul(
        weightShare,
        negIsWhole ? wholePower(q, wholeNeg) : expOfNegative(f32x4.mul(log(q), f32x4.splat(gammaNeg))),
      );
    }

    let loss = v128.and(costs, f32x4.mul(weightNeg, n));
    loss = f32x4.add(loss, v128.and(counts, f32x4.mul(weightPos, l)));
    total = f64x2.add(total, f64x2.promote_low_f32x4(loss));
    total = f64x2.add(total, f64x2.promote_low_f32x4(v128.shuffle<f32>(loss, loss, 2, 3, 2, 3)));
    if (losses) store4(losses, loss, rest, scratch + 32);
    if (slopes) {
      // focus factors come last: g p l could exceed the range of floats where p l does not
      const rise = f32x4.add(f32x4.mul(f32x4.mul(s, pnByQ), f32x4.splat(focusNeg)), psBy1mq);
      const fall = f32x4.add(f32x4.mul(f32x4.mul(p, l), f32x4.splat(focusPos)), s);
      const slope = f32x4.sub(
        v128.and(costs, f32x4.mul(weightNeg, rise)),
        v128.and(counts, f32x4.mul(weightPos, fall)),
      );
      store4(slopes, slope, rest, scratch + 48);
      slopes += 16;
    }
    labels += 16;
    logits += 16;
    losses += losses ? 16 : 0;
  }
  const number =
    i32x4.extract_lane(kept, 0) +
    i32x4.extract_lane(kept, 1) +
    i32x4.extract_lane(kept, 2) +
    i32x4.extract_lane(kept, 3);
  store<f32>(sums, <f32>(f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1)));
  store<f32>(sums + 4, <f32>number);
}

/** `-log(1-q)`, computed from q below 0.5 (and for NaN), otherwise from 1-q, where each is accurate. */
function minusLog1m(q: v128, oneMinusQ: v128): v128 {
  const far = f32x4.ge(q, f32x4.splat(0.5));
  // 1-q = m 2^k
  const k = binaryExponent(oneMinusQ);
  const m = i32x4.sub(oneMinusQ, i32x4.shl(k, 23));
  // 1 / m = (1 + z) / (1 - z), and so is 1 / (1 - q)
  const above = v128.bitselect(f32x4.sub(f32x4.splat(1), m), q, far);
  const below = v128.bitselect(f32x4.add(f32x4.splat(1), m), f32x4.sub(f32x4.splat(2), q), far);
  const twos = f32x4.convert_i32x4_s(v128.and(k, far));
  return nmadd(logOfRatio(f32x4.div(above, below)), twos, f32x4.splat(LN2));
}

/** Stores four floats, or the `rest` bytes that remain. */
function store4(to: usize, values: v128, rest: usize, scratch: usize): void {
  if (rest >= 16) {
    v128.store(to, values);
  } else {
    v128.store(scratch, values);
    memory.copy(to, scratch, rest);
  }
}

/** Divides `count` floats by `divisor`. */
export function divideBy(count: i32, x: usize, divisor: f32): void {
  for (let i = 0; i < count; i++) store<f32>(x + bytes(i), load<f32>(x + bytes(i)) / divisor);
}
