import { AIR, structuresBetween, type Anatomy, type Structure } from './anatomy';
import { distance, smoothMin, type Shape3 } from './geometry';

/** Level of the widest part of the vault above the foramen magnum, in mm. */
export const VAULT_LEVEL = 60;

export const FAR = 6; // mm beyond which a structure is ignored without computing its distance

/** A point of a head, and the sample there; one object is reused for all points. */
export interface Sample {
  /** Head coordinates in mm. */
  x: number;
  y: number;
  z: number;
  hu: number;
  tissue: number;
  /** Distance to the inner table in mm, negative inside the cranial cavity. */
  cavity: number;
  /** Shares of the pixel. */
  ventricle: number;
  csf: number;
  /** Distance to the middle of the nearest sulcus in mm. */
  sulcus: number;
  /** Share of the pixel inside the cranial cavity, and the CT number there. */
  inside: number;
  brainHu: number;
}

export const emptySample = (): Sample => ({
  x: 0,
  y: 0,
  z: 0,
  hu: -1000,
  tissue: AIR,
  cavity: 99,
  ventricle: 0,
  csf: 0,
  sulcus: 99,
  inside: 0,
  brainHu: 0,
});

/** Displacement of the midline by a mass: `shift` mm along x, largest at level `z`. */
export interface MassEffect {
  shift: number;
  y: number;
  z: number;
}

/** A head reduced to the structures that overlap a slab, for sampling its points. */
export interface HeadSlab {
  anatomy: Anatomy;
  mass: MassEffect;
  /** Pixel width in mm of head coordinates. */
  pixel: number;
  /** Square of the half width beyond which there is only air. */
  reach2: number;
  fossae: Shape3[];
  skullBase: Structure[];
  ventricles: Shape3[];
  cisterns: Shape3[];
  brainstem: Shape3[];
  deepGray: Shape3[];
  calcifications: Structure[];
}

export function cutSlab(
  anatomy: Anatomy,
  mass: MassEffect,
  pixel: number,
  low: number,
  high: number,
): HeadSlab {
  const between = <T extends Shape3 | Structure>(list: T[], margin = FAR): T[] =>
    structuresBetween(list, low - margin, high + margin);
  return {
    anatomy,
    mass,
    pixel,
    reach2: (anatomy.width * (1 + anatomy.egg) + 22) ** 2,
    fossae: between(anatomy.fossae, 25),
    skullBase: between(anatomy.skullBase),
    ventricles: between(anatomy.ventricles, 12),
    cisterns: between(anatomy.cisterns),
    brainstem: between([anatomy.brainstem]),
    deepGray: between(anatomy.deepGray),
    calcifications: between(anatomy.calcifications),
  };
}

/** Signed distance to the inner table, negative inside the cranial cavity. */
export function cavityDistance(anatomy: Anatomy, fossae: Shape3[], x: number, y: number, z: number): number {
  let d = vaultDistance(anatomy, x, y, z, anatomy.depth);
  for (let i = 0; i < fossae.length; i++) d = smoothMin(d, distance(fossae[i]!, x, y, z, 40), 6);
  return d;
}

/**
 * Signed distance to the vault, which extends `depth` mm below its widest level: an ellipsoid, egg-shaped from above,
 * fuller at its corners and flatter at the top.
 */
export function vaultDistance(anatomy: Anatomy, x: number, y: number, z: number, depth: number): number {
  const { width, length, height, egg, skew } = anatomy;
  const h = z - VAULT_LEVEL;
  const u = (x + skew * y) / (width * (1 + (egg * y) / length));
  const v = y / length;
  const w = h / (h > 0 ? height : depth);
  const uu = u * u;
  const vv = v * v;
  const ww = w * w;
  const k2 = uu + vv - 0.3 * uu * vv + ww * (h > 0 ? 0.6 + 0.4 * ww : 1);
  if (k2 < 0.01) return -width;
  const k = Math.sqrt(k2);
  const a = u / width;
  const b = v / length;
  const c = w / (h > 0 ? height : depth);
  return (k * (k - 1)) / Math.sqrt(a * a + b * b + c * c);
}

/** The x coordinate of a point before the shift by a mass. */
export function shiftedX(mass: MassEffect, { x, y, z }: Pick<Sample, 'x' | 'y' | 'z'>): number {
  if (mass.shift === 0) return x;
  const v = (y - mass.y) / 55;
  const w = (z - mass.z) / 42;
  return x + mass.shift * Math.exp(-(x * x) / 2200 - v * v - w * w);
}
