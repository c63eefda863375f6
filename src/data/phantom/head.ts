import { AIR } from './anatomy';
import { sampleBrain } from './brain';
import { cover, mix } from './geometry';
import { sampleOutside } from './outside';
import { cavityDistance, type HeadSlab, type Sample } from './slab';

/** Fills `out` with the sample of a healthy head at a point in head coordinates. */
export function sampleHead(slab: HeadSlab, x: number, y: number, z: number, out: Sample): void {
  const { anatomy, pixel } = slab;
  out.ventricle = 0;
  out.csf = 0;
  out.sulcus = 99;
  // quick test: far outside any head
  const reach = z < 62 && y < -60 ? 115 : anatomy.length + 22;
  if ((x * x) / slab.reach2 + (y * y) / (reach * reach) > 1) {
    out.hu = -1000;
    out.tissue = AIR;
    out.cavity = 99;
    out.inside = 0;
    return;
  }
  const cavity = cavityDistance(anatomy, slab.fossae, x, y, z);
  out.cavity = cavity;
  const inside = cover(cavity, pixel);
  out.inside = inside;
  if (inside === 0) {
    sampleOutside(slab, x, y, z, cavity, out);
    return;
  }
  if (inside === 1) {
    sampleBrain(slab, x, y, z, -cavity, out);
    return;
  }
  sampleOutside(slab, x, y, z, Math.max(cavity, 0.01), out);
  const { hu, tissue } = out;
  sampleBrain(slab, x, y, z, Math.max(-cavity, 0), out);
  out.hu = mix(hu, out.hu, inside);
  if (inside < 0.5) out.tissue = tissue;
}
