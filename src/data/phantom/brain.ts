import { CSF, DURA, GRAY, VENTRICLE, WHITE, type Anatomy } from './anatomy';
import { clamp01, cover, distance, mix, smoothStep } from './geometry';
import { FAR, shiftedX, type HeadSlab, type Sample } from './slab';

const DURA_HU = 48;

/** Samples the tissue at a point `depth` mm below the inner table. */
export function sampleBrain(slab: HeadSlab, depth: number, point: Sample): void {
  const { anatomy, mass, pixel } = slab;
  const { y, z } = point;
  const x = shiftedX(mass, point);
  const width = Math.abs(x);
  const tentorium = 54 - 0.34 * width - 0.42 * Math.max(y - 18, 0);
  const below = y > 4 + 0.35 * width ? tentorium - z : -99; // mm below the tentorium

  if (below > 0) cerebellum(anatomy, x, y, z, depth);
  else cerebrum(anatomy, pixel, x, y, z, depth);
  let grayShare = found.gray;
  let csfShare = found.csf;
  let sulcusDistance = found.sulcus;
  for (const nucleus of slab.deepGray) {
    grayShare = Math.max(grayShare, 0.8 * cover(distance(nucleus, x, y, z, FAR), 4));
  }
  for (const stem of slab.brainstem) {
    // the notch between the peduncles
    const notch = y < 6 && z > 28 ? 3.5 * Math.exp(-(x * x) / 18) : 0;
    const d = distance(stem, 0.93 * x, y, z, FAR) + notch;
    grayShare = mix(grayShare, 0.35, cover(d, 2));
    if (z < 51 && d > -1 && d < 5) {
      const uneven = 1 + 0.8 * anatomy.texture.at(x + 20, y, z); // cisterns around the brain stem
      const shell = Math.abs(d - 1.4) + Math.max(0, z - 46);
      csfShare = Math.max(csfShare, 0.7 * cover(shell - uneven - 0.4 * anatomy.gap, pixel));
      sulcusDistance = Math.min(sulcusDistance, shell);
    }
    csfShare = mix(csfShare, 0, cover(d, 1.5));
  }
  for (const cistern of slab.cisterns) {
    const d = distance(cistern, x, y, z, FAR);
    csfShare = Math.max(csfShare, 0.9 * cover(d, pixel));
    sulcusDistance = Math.min(sulcusDistance, Math.max(d, 0));
  }
  let hu = mix(anatomy.whiteHu, anatomy.grayHu, grayShare);
  hu += 0.7 * anatomy.texture.at(x * 1.4 + 30, y * 1.4, z * 1.4);
  hu = mix(hu, anatomy.csfHu, csfShare);

  let nearest = 99;
  const growth = anatomy.ventricleGrowth[x > 0 ? 1 : 0];
  for (const ventricle of slab.ventricles) {
    const grow = ventricle.mirrored ? growth : 0.5 * anatomy.ventricleGrowth[0];
    nearest = Math.min(nearest, distance(ventricle, x, y, z, 12) - grow * 0.8);
  }
  const ventricle = cover(nearest, pixel);
  hu = mix(hu, anatomy.csfHu, ventricle);

  const dura = duraShare(pixel, width, y, z, depth, below);
  hu = mix(hu, DURA_HU, dura);
  let tissue: number = grayShare > 0.5 ? GRAY : WHITE;
  if (csfShare >= 0.5) tissue = CSF;
  if (ventricle >= 0.5) tissue = VENTRICLE;
  if (dura >= 0.5) tissue = DURA;
  for (const spot of slab.calcifications) {
    hu = mix(hu, spot.hu, cover(distance(spot.shape, x, y, z, FAR), pixel));
  }
  point.brainHu = hu + 5 * Math.exp(-depth / 4); // residual beam hardening below the skull
  point.hu = point.brainHu;
  point.tissue = tissue;
  point.ventricle = ventricle;
  point.csf = csfShare * (1 - ventricle);
  point.sulcus = sulcusDistance;
}

/** Results of the two functions below: shares of gray matter and CSF, distance to the nearest sulcus in mm. */
const found = { gray: 0, csf: 0, sulcus: 99 };

function cerebrum(anatomy: Anatomy, pixel: number, x: number, y: number, z: number, depth: number): void {
  const width = Math.abs(x);
  const surface = cover(depth - anatomy.gap, pixel);
  let sulcus = 99;
  let csf = surface;
  let cortex = depth;
  if (depth < 26) {
    // sulci run inward: evaluate the field on a sphere, so that it hardly changes with depth
    const h = z - 45;
    const r = Math.sqrt(x * x + y * y + h * h);
    const f = Math.pow(70 / Math.max(r, 46), 0.75);
    sulcus = Math.abs(anatomy.sulci.at(x * f + (x > 0 ? 57 : 0), y * f, h * f)) / (anatomy.sulci.slope * f);
    sulcus += Math.max(depth - 14, 0) * 0.5 + Math.max(46 - r, 0) * 0.4;
    const open = anatomy.sulcus * (1 - depth / 24);
    csf = Math.max(surface, cover(sulcus - open, pixel) * clamp01(1.4 * open));
    cortex = Math.min(cortex, sulcus);
  }
  // between the hemispheres, above the corpus callosum and around its ends
  const between = z > 40 && (z > 86 || y < -44 || y > 44);
  if (between) {
    const open = width - (0.35 + anatomy.gap * 0.5);
    csf = Math.max(csf, 0.8 * cover(open, pixel));
    cortex = Math.min(cortex, width);
    sulcus = Math.min(sulcus, width);
  }
  found.gray = 1 - smoothStep(2.6, 5, cortex);
  found.csf = csf;
  found.sulcus = sulcus;
}

function cerebellum(anatomy: Anatomy, x: number, y: number, z: number, depth: number): void {
  const folia = anatomy.texture.at(x * 2.2, y * 2.2, z * 3);
  found.gray = depth > 24 ? 0.45 : clamp01(0.72 + 0.14 * folia);
  found.csf = cover(depth - anatomy.gap * 0.8, 2);
  found.sulcus = Math.max(depth - 1, 0);
}

/** Falx, its sinus, and the tentorium. */
function duraShare(pixel: number, width: number, y: number, z: number, depth: number, below: number): number {
  let share = 0;
  if (below < 2 && z > 48 && (z > 92 || y < -50 || y > 46)) {
    share = cover(width - (y > 20 ? 0.75 : 0.5), pixel) * clamp01((36 - depth) / 8);
    const sinus = 4.2 - 0.8 * depth - width; // superior sagittal sinus: a triangle
    if (y > -20) share = Math.max(share, cover(-sinus, pixel));
  }
  if (below > -90) share = Math.max(share, 0.4 * cover(Math.abs(below) - 0.5, pixel));
  return share;
}
