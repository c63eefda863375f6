import { bytes } from '../simd';

/**
 * Brightness, then contrast, of one image: `y = clip(brightness * x)`, then `clip(contrast * y + (1 - contrast) * m)`,
 * `m` being the mean of `y`, by luminance for three channels.
 */
export function jitterImage(
  image: i32,
  scratch: usize,
  images: usize,
  out: usize,
  pixels: i32,
  channels: i32,
  brightness: f32,
  contrast: f32,
): void {
  const length = pixels * channels;
  images += bytes(image * length);
  out += bytes(image * length);
  let offset: f32 = 0;
  if (contrast !== 1) {
    offset = <f32>((1 - <f64>contrast) * brightMean(images, pixels, channels, brightness));
  }
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const bright = clip(f32x4.mul(v128.load(images + bytes(i)), f32x4.splat(brightness)));
    const lit = f32x4.add(f32x4.mul(bright, f32x4.splat(contrast)), f32x4.splat(offset));
    v128.store(out + bytes(i), clip(lit));
  }
  for (; i < length; i++) {
    const bright = clip(f32x4.splat(load<f32>(images + bytes(i)) * brightness));
    const lit = f32x4.add(f32x4.mul(bright, f32x4.splat(contrast)), f32x4.splat(offset));
    store<f32>(out + bytes(i), f32x4.extract_lane(clip(lit), 0));
  }
}

/** Clipped to 0..1; NaN stays NaN. */
function clip(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(1));
}

function brightMean(image: usize, pixels: i32, channels: i32, brightness: f32): f64 {
  const factor = f32x4.splat(brightness);
  let sum: f64 = 0;
  if (channels === 3) {
    for (let i = 0; i < pixels; i++, image += 12) {
      const bright = clip(f32x4.mul(v128.load64_zero(image), factor));
      const blue = clip(f32x4.splat(load<f32>(image, 8) * brightness));
      sum +=
        0.2989 * <f64>f32x4.extract_lane(bright, 0) +
        0.587 * <f64>f32x4.extract_lane(bright, 1) +
        0.114 * <f64>f32x4.extract_lane(blue, 0);
    }
    return sum / <f64>pixels;
  }
  const length = pixels * channels;
  let i = 0;
  while (i + 4 <= length) {
    // short partial sums in float, so that large images lose no precision
    const stop = min(length, i + 1024);
    let partial = f32x4.splat(0);
    for (; i + 4 <= stop; i += 4) {
      partial = f32x4.add(partial, clip(f32x4.mul(v128.load(image + bytes(i)), factor)));
    }
    sum += <f64>f32x4.extract_lane(partial, 0) + <f64>f32x4.extract_lane(partial, 1);
    sum += <f64>f32x4.extract_lane(partial, 2) + <f64>f32x4.extract_lane(partial, 3);
  }
  for (; i < length; i++) {
    sum += <f64>f32x4.extract_lane(clip(f32x4.splat(load<f32>(image + bytes(i)) * brightness)), 0);
  }
  return sum / <f64>length;
}
