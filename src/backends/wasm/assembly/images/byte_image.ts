import { bytes } from '../simd';

/**
 * Converts `count` bytes to 255ths, in place: they lie in the last quarter of `out`, of which no byte is overwritten
 * before it has been read.
 */
export function unitsOfBytes(out: usize, count: i32): void {
  const from = out + 3 * <usize>count;
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    const all = v128.load(from + i);
    const low = i16x8.extend_low_i8x16_u(all);
    const high = i16x8.extend_high_i8x16_u(all);
    const to = out + bytes(i);
    v128.store(to, units(i32x4.extend_low_i16x8_u(low)));
    v128.store(to, units(i32x4.extend_high_i16x8_u(low)), 16);
    v128.store(to, units(i32x4.extend_low_i16x8_u(high)), 32);
    v128.store(to, units(i32x4.extend_high_i16x8_u(high)), 48);
  }
  for (; i < count; i++) store<f32>(out + bytes(i), <f32>load<u8>(from + i) / 255);
}

function units(values: v128): v128 {
  return f32x4.div(f32x4.convert_i32x4_s(values), f32x4.splat(255));
}
