import { CLAHE_KERNEL, type ClaheAttrs } from '../../../kernels/clahe/contract';
import { BINS, greyValues } from '../../../kernels/clahe/plan';
import { forEach, groupsFor, launch, webGpuKernel } from '../launch';

/**
 * Equalises in two launches: first each workgroup computes the histogram and the table of one tile in workgroup memory,
 * then every pixel is blended. As in the composed kernel, NaN counts as the lowest grey value.
 */
export const clahe = webGpuKernel<'x', ClaheAttrs>(
  CLAHE_KERNEL,
  ({ inputs: { x }, attrs, backend, results }) => {
    const { plan, low, scale } = attrs;
    const { height, width, rows, columns, tileHeight, tileWidth, clipCount, rowBlend, columnBlend } = plan;
    const [images, , , channels] = x.shape as [number, number, number, number];
    const tables = results.scratch([images * channels, rows * columns, BINS]);
    const sizes = { height, width, channels, columns, zero: 0 };
    launch(backend, {
      name: CLAHE_KERNEL,
      inputs: { x },
      outputs: { tables },
      whole: { ...sizes, tileHeight, tileWidth, clipCount },
      real: { low, scale, lutScale: plan.lutScale },
      groups: [rows * columns, images * channels],
      declarations: `${GREY}
        var<workgroup> counts: array<atomic<u32>, ${BINS}>;
        var<workgroup> sums: array<u32, ${BINS}>;

        // without repeating the edge
        fn mirrored(position: u32, length: u32) -> u32 {
          let period = max(2u * (length - 1u), 1u);
          let within = position % period;
          return select(period - within, within, within < length);
        }`,
      main: `
        let top = (group.x / u.columns) * u.tileHeight;
        let left = (group.x % u.columns) * u.tileWidth;
        let plane = group.y / u.channels * u.height * u.width * u.channels + group.y % u.channels;
        atomicStore(&counts[thread], 0u);
        workgroupBarrier();
        for (var i = thread; i < u.tileHeight * u.tileWidth; i += ${BINS}u) {
          let row = mirrored(top + i / u.tileWidth, u.height);
          let column = mirrored(left + i % u.tileWidth, u.width);
          atomicAdd(&counts[greyOf(x[plane + (row * u.width + column) * u.channels])], 1u);
        }
        workgroupBarrier();
        let count = atomicLoad(&counts[thread]);
        let kept = min(count, u.clipCount);
        sums[thread] = count - kept;
        workgroupBarrier();
        for (var half = ${BINS / 2}u; half > 0u; half /= 2u) {
          if (thread < half) { sums[thread] += sums[thread + half]; }
          workgroupBarrier();
        }
        // the excess is spread evenly, the remainder at even steps from bin 0
        let excess = sums[0];
        let rest = excess % ${BINS}u;
        let every = ${BINS}u / max(rest, 1u);
        let more = select(0u, 1u, thread % every == 0u && thread / every < rest);
        workgroupBarrier();
        sums[thread] = kept + excess / ${BINS}u + more;
        workgroupBarrier();
        for (var reach = 1u; reach < ${BINS}u; reach *= 2u) {
          var before = 0u;
          if (thread >= reach) { before = sums[thread - reach]; }
          workgroupBarrier();
          sums[thread] += before;
          workgroupBarrier();
        }
        let table = (group.y * groups.x + group.x) * ${BINS}u;
        tables[table + thread] = round(f32(sums[thread]) * u.lutScale);`,
    });
    const out = results.make(x.shape);
    const count = images * height * width * channels;
    launch(backend, {
      name: CLAHE_KERNEL,
      inputs: {
        ...{ x, tables },
        tiles: results.integers(Int32Array.from([...rowBlend.tile, ...columnBlend.tile])),
        weights: results.scratch(
          [height + width],
          Float32Array.from([...rowBlend.nextWeight, ...columnBlend.nextWeight]),
        ),
        values: results.scratch([BINS], greyValues(attrs)),
      },
      outputs: { out },
      whole: { ...sizes, rows, count },
      real: { low, scale },
      groups: [groupsFor(count)],
      declarations: `${GREY}
        fn blend(a: f32, b: f32, next: f32) -> f32 { return exact(a * exact(1.0 - next)) + exact(b * next); }`,
      main: forEach(
        'u.count',
        `let pixel = i / u.channels;
         let row = pixel / u.width % u.height;
         let column = u.height + pixel % u.width;
         let plane = pixel / (u.height * u.width) * u.channels + i % u.channels;
         let grey = greyOf(x[i]);
         let above = u32(max(tiles[row], 0));
         let below = min(u32(tiles[row] + 1), u.rows - 1u);
         let left = u32(max(tiles[column], 0));
         let right = min(u32(tiles[column] + 1), u.columns - 1u);
         let upper = (plane * u.rows + above) * u.columns;
         let lower = (plane * u.rows + below) * u.columns;
         let next = weights[column];
         let high = blend(tables[(upper + left) * ${BINS}u + grey], tables[(upper + right) * ${BINS}u + grey], next);
         let deep = blend(tables[(lower + left) * ${BINS}u + grey], tables[(lower + right) * ${BINS}u + grey], next);
         out[i] = values[u32(round(blend(high, deep, weights[row])))];`,
      ),
    });
    return out;
  },
);

/** Grey values, and float32 rounding as in OpenCV: a device could otherwise fuse a multiplication with an addition. */
const GREY = `
  fn exact(value: f32) -> f32 { return bitcast<f32>(bitcast<u32>(value) ^ u.zero); }

  fn greyOf(value: f32) -> u32 {
    if ((bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) { return 0u; }
    return u32(clamp(exact(exact(value - u.low) * u.scale) + 0.5, 0.0, 255.0));
  }`;
