/** Floats in a vector register. */
export const LANES: i32 = 4;

/** Bytes of a float. */
export const F: usize = 4;

/** `acc + a * b`, rounded once if the engine has a fused multiply-add, otherwise twice. */
export function madd(acc: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, acc);
  return f32x4.add(acc, f32x4.mul(a, b));
}

/** `acc - a * b`. */
export function nmadd(acc: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, acc);
  return f32x4.sub(acc, f32x4.mul(a, b));
}

/** Bytes of `n` floats. */
export function bytes(n: i32): usize {
  return (<usize>n) << 2;
}

/** Four floats, `step` bytes apart. */
export function loadStrided(p: usize, step: usize): v128 {
  let v = v128.load_splat<f32>(p);
  v = f32x4.replace_lane(v, 1, load<f32>(p + step));
  v = f32x4.replace_lane(v, 2, load<f32>(p + 2 * step));
  return f32x4.replace_lane(v, 3, load<f32>(p + 3 * step));
}

/** The first `count` of four floats, the others zero; all four if `count` is larger. */
export function loadFirst(p: usize, count: i32): v128 {
  if (count >= LANES) return v128.load(p);
  if (count == 1) return v128.load_zero<f32>(p);
  const two = v128.load_zero<f64>(p);
  return count == 2 ? two : v128.load_lane<f32>(p, two, 2, 8);
}

/** Stores the first `count` of four floats, all four if `count` is larger. */
export function storeFirst(p: usize, v: v128, count: i32): void {
  if (count >= LANES) {
    v128.store(p, v);
    return;
  }
  if (count == 1) {
    v128.store_lane<f32>(p, v, 0);
    return;
  }
  v128.store_lane<f64>(p, v, 0);
  if (count == 3) v128.store_lane<f32>(p, v, 2, 8);
}
