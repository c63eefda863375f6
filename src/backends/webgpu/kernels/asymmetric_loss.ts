import type * as tf from '@tensorflow/tfjs';
import { IGNORED_LABEL } from '../../../base/types';
import { ASYMMETRIC_LOSS_KERNEL, type AsymmetricLossAttrs } from '../../../kernels/asymmetric_loss/contract';
import { launch, sizeOf, webGpuKernel } from '../launch';

/** The loss and its slope in one launch of one workgroup, since a batch has at most a few thousand entries. */
export const asymmetricLoss = webGpuKernel<'labels' | 'logits' | 'mask', AsymmetricLossAttrs>(
  ASYMMETRIC_LOSS_KERNEL,
  ({ inputs, attrs, backend, results }) => {
    const { labels, logits } = inputs;
    const mask = inputs.mask as tf.TensorInfo | undefined;
    const { reduction, withSlope, gammaPos, gammaNeg, clip, focusWeightIsConstant: constant } = attrs;
    const perEntry = reduction === 'none';
    const value = results.make(perEntry ? logits.shape : []);
    const slope = withSlope ? results.make(logits.shape) : undefined;
    launch(backend, {
      name: ASYMMETRIC_LOSS_KERNEL,
      inputs: { labels, logits, mask },
      outputs: { value, slope },
      whole: {
        count: sizeOf(logits.shape),
        perSlice: logits.shape.at(-1)!,
        divides: reduction === 'mean' ? 1 : 0,
      },
      real: {
        ...{ gammaPos, gammaNeg, margin: clip },
        ...{ focusPos: constant ? 0 : gammaPos, focusNeg: constant ? 0 : gammaNeg },
      },
      groups: [1],
      declarations: DECLARATIONS,
      main: `
        var total = 0.0;
        var kept = 0.0;
        for (var i = thread; i < u.count; i += 256u) {
          let y = f32(labels[i]);
          var here = vec2<f32>(0.0, 0.0);
          if (y != ${IGNORED_LABEL.toFixed(1)} ${mask ? '&& f32(mask[i / u.perSlice]) != 0.0' : ''}) {
            here = entry(y, logits[i]);
            kept += 1.0;
          }
          total += here.x;
          ${perEntry ? 'value[i] = here.x;' : ''}
          ${slope ? 'slope[i] = here.y;' : ''}
        }
        sums[thread] = vec2<f32>(total, kept);
        workgroupBarrier();
        for (var half = 128u; half > 0u; half /= 2u) {
          if (thread < half) { sums[thread] += sums[thread + half]; }
          workgroupBarrier();
        }
        let divisor = select(1.0, max(sums[0].y, 1.0), u.divides == 1u);
        ${perEntry ? '' : 'if (thread == 0u) { value[0] = sums[0].x / divisor; }'}
        ${slope ? 'for (var i = thread; i < u.count; i += 256u) { slope[i] /= divisor; }' : ''}`,
    });
    return slope ? [value, slope] : [value];
  },
);

/**
 * Loss and derivative of an entry, by the formulas of the composed kernel; for a label of 0 or 1 only the term that is
 * not zero.
 */
const DECLARATIONS = `
var<workgroup> sums: array<vec2<f32>, 256>;

// log(1 + x) for x in -1/2..1: as 2 atanh(x / (2 + x)), since WGSL's log is inaccurate near 1
fn log1p(x: f32) -> f32 {
  let z = x / (2.0 + x);
  let s = z * z;
  return 2.0 * z * (1.0 + s * (1.0 / 3.0 + s * (0.2 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0
    + s * (1.0 / 13.0 + s / 15.0)))))));
}

// base in 0..1
fn power(base: f32, exponent: f32) -> f32 {
  if (exponent == 0.0) { return 1.0; }
  if (exponent == 1.0) { return base; }
  if (exponent == 2.0) { return base * base; }
  if (exponent == 4.0) { return (base * base) * (base * base); }
  if (base <= 0.0) { return 0.0; }
  return pow(base, exponent);
}

fn entry(y: f32, z: f32) -> vec2<f32> {
  // by its bits, since a device need not support NaN
  if ((bitcast<u32>(z) & 0x7fffffffu) > 0x7f800000u) { return vec2<f32>(z, z); }
  if (y < 0.0 || y > 1.0) {
    let nan = bitcast<f32>(bitcast<u32>(z) | 0x7fc00000u);
    return vec2<f32>(nan, nan);
  }
  let e = exp(-abs(z));
  let p = select(1.0, e, z < 0.0) / (1.0 + e);
  let s = select(e, 1.0, z < 0.0) / (1.0 + e);
  var out = vec2<f32>(0.0, 0.0);
  if (y != 0.0) {
    let l = max(-z, 0.0) + log1p(e);
    let weight = y * power(s, u.gammaPos);
    // focus factors come last: g p l could exceed float32's range where p l does not
    out += vec2<f32>(weight * l, -weight * (p * l * u.focusPos + s));
  }
  let q = p - u.margin;
  // 'q <= 0' rather than 'q > 0', so that NaN is kept
  if (y != 1.0 && !(q <= 0.0)) {
    let weight = (1.0 - y) * power(q, u.gammaNeg);
    var n = max(z, 0.0) + log1p(e);
    var pnByQ = n;
    var psBy1mq = p;
    if (u.margin > 0.0) {
      n = -select(log(s + u.margin), log1p(-min(q, 0.5)), q < 0.5);
      pnByQ = p * (n / q);
      psBy1mq = p * (s / (s + u.margin));
    }
    out += vec2<f32>(weight * n, weight * (s * pnByQ * u.focusNeg + psBy1mq));
  }
  return out;
}`;
