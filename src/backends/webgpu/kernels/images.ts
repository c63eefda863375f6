import type * as tf from '@tensorflow/tfjs';
import { COLOR_JITTER_KERNEL, type ColorJitterAttrs } from '../../../kernels/color_jitter/contract';
import { RESIZE_KERNEL, type AxisFilter, type ResizeAttrs } from '../../../kernels/resize/contract';
import { WARP_KERNEL, type WarpAttrs } from '../../../kernels/warp/contract';
import type { WebGpuBackend } from '../backend';
import { forEach, groupsFor, launch, sizeOf, webGpuKernel, type Results } from '../launch';

type Shape4D = [number, number, number, number];

/** First along one axis, then along the other, one launch each. */
export const resize = webGpuKernel<'x', ResizeAttrs>(
  RESIZE_KERNEL,
  ({ inputs: { x }, attrs: { rows, columns }, backend, results }) => {
    const [images, height, width, channels] = x.shape as Shape4D;
    const [newHeight, newWidth] = [rows.first.length, columns.first.length];
    const between = results.scratch([images, newHeight, width, channels]);
    const out = results.make([images, newHeight, newWidth, channels]);
    filterAxis(backend, results, { x, out: between, filter: rows, outer: images, length: height });
    filterAxis(backend, results, {
      x: between,
      out,
      filter: columns,
      outer: images * newHeight,
      length: width,
    });
    return out;
  },
);

/** `[outer, length, inner]` to `[outer, new length, inner]`. */
function filterAxis(
  backend: WebGpuBackend,
  results: Results,
  { x, out, filter, outer, length }: { x: tf.TensorInfo; out: tf.TensorInfo; filter: AxisFilter; outer: number; length: number }, // prettier-ignore
): void {
  const count = sizeOf(out.shape);
  const newLength = filter.first.length;
  launch(backend, {
    name: RESIZE_KERNEL,
    inputs: {
      x,
      first: results.integers(filter.first),
      weights: results.scratch([filter.weights.length], filter.weights),
    },
    outputs: { out },
    whole: { count, length, newLength, inner: count / (outer * newLength), taps: filter.taps },
    groups: [groupsFor(count)],
    main: forEach(
      'u.count',
      `let k = i % u.inner;
       let place = i / u.inner % u.newLength;
       let outer = i / u.inner / u.newLength;
       var sum = 0.0;
       for (var t = 0u; t < u.taps; t++) {
         let source = min(u32(first[place]) + t, u.length - 1u);
         sum += weights[place * u.taps + t] * x[(outer * u.length + source) * u.inner + k];
       }
       out[i] = sum;`,
    ),
  });
}

export const colorJitter = webGpuKernel<'x', ColorJitterAttrs>(
  COLOR_JITTER_KERNEL,
  ({ inputs: { x }, attrs, backend, results }) => {
    const { brightness } = attrs;
    const bright = attrs.contrast === 1 ? results.make(x.shape) : results.scratch(x.shape);
    const count = sizeOf(x.shape);
    launch(backend, {
      name: COLOR_JITTER_KERNEL,
      inputs: { x },
      outputs: { bright },
      whole: { count },
      real: { brightness },
      groups: [groupsFor(count)],
      main: forEach('u.count', 'bright[i] = clamp(u.brightness * x[i], 0.0, 1.0);'),
    });
    return contrasted(backend, results, bright, attrs);
  },
);

/** Scales the contrast of images about their mean luminance. */
function contrasted(
  backend: WebGpuBackend,
  results: Results,
  bright: tf.TensorInfo,
  { contrast }: ColorJitterAttrs,
): tf.TensorInfo {
  if (contrast === 1) return bright;
  const [images, height, width, channels] = bright.shape as Shape4D;
  const size = height * width * channels;
  const mean = results.scratch([images]);
  const weight = channels === 3 ? 'select(select(0.114, 0.587, i % 3u == 1u), 0.2989, i % 3u == 0u)' : '1.0';
  launch(backend, {
    name: COLOR_JITTER_KERNEL,
    inputs: { bright },
    outputs: { mean },
    whole: { size },
    real: { share: 1 / (channels === 3 ? height * width : size) },
    groups: [images],
    declarations: 'var<workgroup> sums: array<f32, 256>;',
    main: `
      var sum = 0.0;
      for (var i = thread; i < u.size; i += 256u) { sum += ${weight} * bright[group.x * u.size + i]; }
      sums[thread] = sum;
      workgroupBarrier();
      for (var half = 128u; half > 0u; half /= 2u) {
        if (thread < half) { sums[thread] += sums[thread + half]; }
        workgroupBarrier();
      }
      if (thread == 0u) { mean[group.x] = sums[0] * u.share; }`,
  });
  const out = results.make(bright.shape);
  const count = images * size;
  launch(backend, {
    name: COLOR_JITTER_KERNEL,
    inputs: { bright, mean },
    outputs: { out },
    whole: { count, size },
    real: { contrast, opposite: 1 - contrast },
    groups: [groupsFor(count)],
    main: forEach(
      'u.count',
      'out[i] = clamp(u.contrast * bright[i] + u.opposite * mean[i / u.size], 0.0, 1.0);',
    ),
  });
  return out;
}

/** All pixels and brightness in one launch; contrast in two more. */
export const warp = webGpuKernel<'x', WarpAttrs>(
  WARP_KERNEL,
  ({ inputs: { x }, attrs, backend, results }) => {
    const [images, height, width, channels] = x.shape as Shape4D;
    const { size, fill, nearest, jitter } = attrs;
    const [outHeight, outWidth] = size;
    const shape = [images, outHeight, outWidth, channels];
    const out = jitter && jitter.contrast !== 1 ? results.scratch(shape) : results.make(shape);
    const places = placesOf([height, width], attrs);
    const count = images * outHeight * outWidth * channels;
    const shift = nearest ? '+ select(0.0, 1.0, at.y >= 0.5)' : '';
    launch(backend, {
      name: WARP_KERNEL,
      inputs: { x, places: results.scratch([places.length], places) },
      outputs: { out },
      types: { places: 'vec4<f32>' },
      whole: { count, height, width, channels, outHeight, outWidth },
      real: { fill, brightness: jitter?.brightness ?? 1 },
      groups: [groupsFor(count)],
      declarations: `
      // the sum of two positions along both axes, each as integer and fraction
      fn sum(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
        let s = a + b;
        let carry = select(vec2<f32>(0.0), vec2<f32>(1.0), s.yw >= vec2<f32>(1.0));
        return vec4<f32>(s.x + carry.x, s.y - carry.x, s.z + carry.y, s.w - carry.y);
      }

      // 1 on the pixels of an axis, falling to 0 over one pixel beyond
      fn cover(whole: f32, fraction: f32, length: u32) -> f32 {
        return clamp(min(whole + 1.0 + fraction, f32(length) - whole - fraction), 0.0, 1.0);
      }

      fn within(value: f32, high: i32) -> f32 { return max(min(value, f32(high)), 0.0); }`,
      main: forEach(
        'u.count',
        `let column = i / u.channels % u.outWidth;
       let row = i / (u.channels * u.outWidth) % u.outHeight;
       let image = i / (u.channels * u.outWidth * u.outHeight);
       let second = u.outWidth + u.outHeight;
       var at = sum(places[column], places[u.outWidth + row]);
       ${
         nearest
           ? `at = vec4<f32>(at.x ${shift}, 0.0, at.z ${shift.replace('at.y', 'at.w')}, 0.0);
       let scaled = vec2<f32>(
         (at.x + 0.5) * f32(u.width) / f32(u.outWidth) - 0.5,
         (at.z + 0.5) * f32(u.height) / f32(u.outHeight) - 0.5,
       );
       let source = vec4<f32>(floor(scaled.x), fract(scaled.x), floor(scaled.y), fract(scaled.y));`
           : 'let source = sum(places[second + column], places[second + u.outWidth + row]);'
       }
       let covered = cover(at.x, at.y, u.outWidth) * cover(at.z, at.w, u.outHeight);
       let left = within(source.x, i32(u.width) - 2);
       let top = within(source.z, i32(u.height) - 2);
       let toRight = clamp(source.x - left + source.y, 0.0, 1.0);
       let toBottom = clamp(source.z - top + source.w, 0.0, 1.0);
       let first = ((image * u.height + u32(top)) * u.width + u32(left)) * u.channels + i % u.channels;
       let right = select(0u, u.channels, u.width > 1u);
       let below = select(0u, u.width * u.channels, u.height > 1u);
       let upper = x[first] * (1.0 - toRight) + x[first + right] * toRight;
       let lower = x[first + below] * (1.0 - toRight) + x[first + below + right] * toRight;
       let value = select(
         covered * (upper * (1.0 - toBottom) + lower * toBottom) + u.fill * (1.0 - covered),
         u.fill,
         covered <= 0.0,
       );
       out[i] = ${jitter ? 'clamp(u.brightness * value, 0.0, 1.0)' : 'value'};`,
      ),
    });
    return jitter ? contrasted(backend, results, out, jitter) : out;
  },
);

/**
 * Source positions of columns and rows of the result, along both axes, as sums of a column's part and a row's part:
 * positions in the image of the result's size, then in the input. Integers and fractions are separate, since a float32
 * of both would not be accurate enough.
 */
function placesOf([height, width]: [number, number], { size, matrix, nearest }: WarpAttrs): Float32Array {
  const [outHeight, outWidth] = size;
  const [a, b, c, d, e, f] = matrix as [number, number, number, number, number, number];
  const spaces = [
    { toX: (value: number) => value, toY: (value: number) => value, x0: c, y0: f },
    ...(nearest
      ? []
      : [
          {
            toX: (value: number) => (value * width) / outWidth,
            toY: (value: number) => (value * height) / outHeight,
            x0: ((c + 0.5) * width) / outWidth - 0.5,
            y0: ((f + 0.5) * height) / outHeight - 0.5,
          },
        ]),
  ];
  const parts = (value: number) => [Math.floor(value), value - Math.floor(value)];
  const list = spaces.flatMap(({ toX, toY, x0, y0 }) => [
    ...Array.from({ length: outWidth }, (_, i) => [...parts(toX(a * i)), ...parts(toY(d * i))]),
    ...Array.from({ length: outHeight }, (_, i) => [...parts(toX(b * i) + x0), ...parts(toY(e * i) + y0)]),
  ]);
  return Float32Array.from(list.flat());
}
