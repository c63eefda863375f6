import { AIR } from './anatomy';
import { sampleBrain } from './brain';
import { cover, mix } from './geometry';
import { sampleOutside } from './outside';
import { cavityDistance, type HeadSlab, type Sample } from './slab';

/** Samples a healthy head at a point. */
export function sampleHead(slab: HeadSlab, point: Sample): void {
  const { anatomy, pixel } = slab;
  const { x, y, z } = point;
  point.ventricle = 0;
  point.csf = 0;
  point.sulcus = 99;
  // quick test: far outside any head
  const reach = z < 62 && y < -60 ? 115 : anatomy.length + 22;
  if ((x * x) / slab.reach2 + (y * y) / (reach * reach) > 1) {
    point.hu = -1000;
    point.tissue = AIR;
    point.cavity = 99;
    point.inside = 0;
    return;
  }
  const cavity = cavityDistance(anatomy, slab.fossae, x, y, z);
  point.cavity = cavity;
  const inside = cover(cavity, pixel);
  point.inside = inside;
  if (inside === 0) {
    sampleOutside(slab, cavity, point);
    return;
  }
  if (inside === 1) {
    sampleBrain(slab, -cavity, point);
    return;
  }
  sampleOutside(slab, Math.max(cavity, 0.01), point);
  const { hu, tissue } = point;
  sampleBrain(slab, Math.max(-cavity, 0), point);
  point.hu = mix(hu, point.hu, inside);
  if (inside < 0.5) point.tissue = tissue;
}
