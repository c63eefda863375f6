import { CSF, GRAY } from './anatomy';
import { clamp01, cover, ellipsoidDistance, mix, smoothStep } from './geometry';
import type { Cisternal, Clot, Crescent, Hemorrhages, Layering, Lens } from './hemorrhage';
import { shiftedX, type HeadSlab, type Sample } from './slab';

/**
 * Adds blood to a sampled point: changes its CT number and fills `shares` with the share of the pixel that each of the
 * five hemorrhages takes. `gravity` is the point's depth in mm below the centre of the head of a supine patient.
 */
export function sampleBlood(
  blood: Hemorrhages,
  slab: HeadSlab,
  point: Sample,
  gravity: number,
  shares: Float64Array,
): void {
  shares.fill(0);
  const depth = -point.cavity;
  let ich = 0;
  for (const clot of blood.ich) ich = Math.max(ich, bleedClot(clot, slab, point));
  shares[0] = ich;
  for (const layering of blood.ivh) shares[1] = bleedVentricles(layering, slab, point, gravity);
  let sah = 0;
  for (const cisternal of blood.sah) sah = Math.max(sah, bleedSulci(cisternal, slab, point, 1 - ich));
  shares[2] = sah;
  for (const crescent of blood.sdh) shares[3] = bleedCrescent(crescent, slab, point, depth);
  for (const lens of blood.edh) shares[4] = bleedLens(lens, slab, point, depth);
  // outer hemorrhages displace inner ones
  let room = 1;
  for (const k of [4, 3, 0, 2, 1]) {
    shares[k] = Math.min(shares[k]!, room);
    room -= shares[k]!;
  }
}

/** Fills `share` of the part of a pixel inside the skull with blood; returns the share of the whole pixel. */
function fill(point: Sample, share: number, hu: number): number {
  point.hu += point.inside * share * (hu - point.brainHu);
  point.brainHu = mix(point.brainHu, hu, share);
  return point.inside * share;
}

function bleedClot(clot: Clot, slab: HeadSlab, point: Sample): number {
  const { x, y, z } = point;
  const { reach } = clot;
  const dz = z - clot.center[2];
  if (Math.abs(dz) > reach) return 0;
  const dx = x - clot.center[0];
  const dy = y - clot.center[1];
  if (dx * dx + dy * dy > reach * reach) return 0;
  const u = clot.cosine * dx + clot.sine * dy;
  const v = clot.cosine * dy - clot.sine * dx;
  const grain = slab.anatomy.texture.at(x + 40, y, z);
  const [rx, ry, rz] = clot.radii;
  const d = ellipsoidDistance(u, v, dz, rx, ry, rz) + clot.irregular * grain;
  const tissue = (1 - point.ventricle) * clamp01(-point.cavity / 2.5);
  const edema = cover(d - clot.edema, 3) * tissue;
  if (edema === 0) return 0;
  if (edema > 0.5 && point.tissue === CSF) point.tissue = GRAY; // swelling closes the sulci
  point.csf *= 1 - edema;
  fill(point, 0.85 * edema, 18);
  const ends = clamp01(Math.abs(dz) / clot.radii[2]);
  return fill(point, cover(d, slab.pixel) * tissue, mix(clot.hu + 2 * grain, 44, 0.5 * ends * ends));
}

function bleedVentricles(layering: Layering, slab: HeadSlab, point: Sample, gravity: number): number {
  const { y, z } = point;
  if (point.ventricle === 0) return 0;
  const mid = shiftedX(slab.mass, point);
  let share: number;
  if (z < 40 && y > 16 && Math.abs(mid) < 14) share = layering.fourth;
  else if (z < 64 && Math.abs(mid) < 5 && y < 16) share = layering.third;
  else share = (mid > 0 ? layering.left : layering.right) * cover(layering.level - gravity, 2);
  return fill(point, share * point.ventricle, layering.hu);
}

function bleedSulci(
  { center, spread, reach, hu }: Cisternal,
  slab: HeadSlab,
  point: Sample,
  room: number,
): number {
  const { x, y, z } = point;
  if (point.sulcus > reach + slab.pixel) return 0;
  const u = (x - center[0]) / spread[0];
  const v = (y - center[1]) / spread[1];
  const w = (z - center[2]) / spread[2];
  const near = smoothStep(1.15, 0.6, Math.sqrt(u * u + v * v + w * w));
  if (near === 0) return 0;
  const share = cover(point.sulcus - reach * (0.4 + 0.6 * near), slab.pixel) * (1 - point.ventricle) * room;
  const patchy = 0.85 + 0.15 * slab.anatomy.texture.at(x, y + 60, z);
  return fill(point, share * clamp01(near * 1.5) * clamp01(patchy), hu);
}

function bleedCrescent(crescent: Crescent, slab: HeadSlab, point: Sample, depth: number): number {
  const { x, y, z } = point;
  const h = (z - crescent.z) / crescent.height;
  if (h <= -1 || h >= 1) return 0;
  let d = 99;
  if (depth < crescent.thickness * 1.3 + 2 && x * crescent.side > 0) {
    const a = (Math.atan2(Math.abs(x), -y) - crescent.azimuth) / crescent.span;
    const edge = 1 - a * a - h * h;
    if (edge > 0) {
      const uneven = 1 + 0.18 * slab.anatomy.texture.at(x * 0.6, y * 0.6, z * 0.6);
      d = depth - crescent.thickness * Math.pow(edge, 0.55) * uneven;
    }
  }
  if (crescent.falx > 0 && z > 64 && depth < 34 && (y > 46 || y < -50 || z > 92)) {
    const off = shiftedX(slab.mass, point) * crescent.side;
    if (off > 0) d = Math.min(d, off - crescent.falx * (1 - h * h));
  }
  if (d > slab.pixel) return 0;
  return fill(point, cover(d, slab.pixel), mix(crescent.hu, 46, 0.4 * h * h));
}

function bleedLens(lens: Lens, slab: HeadSlab, point: Sample, depth: number): number {
  const { x, y, z } = point;
  if (depth > lens.thickness + 2) return 0;
  const dx = x - lens.center[0];
  const dy = y - lens.center[1];
  const dz = z - lens.center[2];
  const along2 = dx * dx + dy * dy + dz * dz - depth * depth;
  const edge = 1 - along2 / (lens.radius * lens.radius);
  if (edge <= 0) return 0;
  const ends = dz / lens.radius;
  return fill(point, cover(depth - lens.thickness * edge, slab.pixel), mix(lens.hu, 46, 0.4 * ends * ends));
}
