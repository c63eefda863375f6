import type { Random } from '../../base/random';
import type { CtLabel } from '../labels/labels';
import type { Anatomy } from './anatomy';
import { clamp01, mix } from './geometry';
import { side, uniform } from './random_field';
import { cavityDistance, type MassEffect } from './slab';

export interface Clot {
  center: [number, number, number];
  radii: [number, number, number];
  /** Rotation about z, as cosine and sine. */
  cosine: number;
  sine: number;
  irregular: number;
  /** Largest distance from the centre that is affected, in mm. */
  reach: number;
  edema: number;
  hu: number;
}

export interface Layering {
  /** Blood fills the lateral ventricles posterior to this level in mm (the patient is supine). */
  level: number;
  left: number;
  right: number;
  third: number;
  fourth: number;
  hu: number;
}

export interface Cisternal {
  center: [number, number, number];
  spread: [number, number, number];
  /** Extent of the blood from the centre of a sulcus, in mm. */
  reach: number;
  hu: number;
}

export interface Crescent {
  side: -1 | 1;
  /** Azimuth from the front in radians and level of the thickest place, and half extents. */
  azimuth: number;
  span: number;
  z: number;
  height: number;
  thickness: number;
  /** Thickness along the falx in mm, 0 for none. */
  falx: number;
  hu: number;
}

export interface Lens {
  center: [number, number, number];
  radius: number;
  thickness: number;
  hu: number;
}

/** All hemorrhages of one patient; the list of a kind that is absent is empty. */
export interface Hemorrhages {
  ich: Clot[];
  ivh: Layering[];
  sah: Cisternal[];
  sdh: Crescent[];
  edh: Lens[];
  mass: MassEffect;
}

/**
 * Draws which hemorrhages a patient has: first whether there is any, then the kinds; ivh is more likely with ich, sah
 * with sdh.
 */
export function drawKinds(random: Random, prevalence: Readonly<Record<CtLabel, number>>): Set<CtLabel> {
  const injury = Math.max(0.5, ...Object.values(prevalence));
  const injured = random() < injury;
  const kinds = new Set<CtLabel>();
  // a number is drawn for every kind, so that the prevalence of one does not change the draw of another
  const draws = { ich: random(), ivh: random(), sah: random(), sdh: random(), edh: random() };
  if (!injured) return kinds;
  const given = (label: CtLabel) => prevalence[label] / injury;
  for (const label of ['ich', 'sdh', 'edh'] as const) {
    if (draws[label] < given(label)) kinds.add(label);
  }
  if (draws.ivh < raised(given('ivh'), given('ich'), kinds.has('ich'))) kinds.add('ivh');
  if (draws.sah < raised(given('sah'), given('sdh'), kinds.has('sdh'))) kinds.add('sah');
  return kinds;
}

/** P(A | B) or P(A | not B), such that A keeps probability `a` and is up to 1.6 times as likely with B. */
function raised(a: number, b: number, hasB: boolean): number {
  if (b === 0 || b === 1) return a;
  const withB = Math.min(1, 1.6 * a, a / b);
  const capped = Math.max(withB, (a - (1 - b)) / b);
  return hasB ? capped : (a - capped * b) / (1 - b);
}

/** Draws hemorrhages of these kinds. `difficulty` 0 makes them large and bright, 1 small and faint. */
export function drawHemorrhages(
  random: Random,
  anatomy: Anatomy,
  kinds: ReadonlySet<CtLabel>,
  difficulty: number,
): Hemorrhages {
  const size = mix(1.2, 0.62, difficulty);
  const hu = () => mix(74, 49, difficulty) + uniform(random, -5, 5);
  const hurt = side(random); // the injured side of the head
  const blood: Hemorrhages = {
    ich: [],
    ivh: [],
    sah: [],
    sdh: [],
    edh: [],
    mass: { shift: 0, y: 0, z: 70 },
  };
  if (kinds.has('ich')) blood.ich = drawClots(random, anatomy, size, hu, hurt);
  if (kinds.has('ivh')) blood.ivh = [drawLayering(random, difficulty, hu)];
  if (kinds.has('sah')) blood.sah = drawCisternal(random, anatomy, difficulty, hu, hurt);
  if (kinds.has('sdh')) blood.sdh = [drawCrescent(random, difficulty, hu, hurt)];
  if (kinds.has('edh')) blood.edh = [drawLens(random, anatomy, size, hu, hurt)];
  blood.mass = massOf(blood);
  return blood;
}

const SITES: readonly [number, number, number, number][] = [
  [27, -8, 60, 15], // basal ganglia
  [14, 6, 60, 10], // thalamus
  [30, -48, 76, 17], // frontal
  [40, -18, 40, 13], // temporal
  [38, 24, 88, 17], // parietal
  [26, 52, 72, 14], // occipital
  [22, 46, 20, 12], // cerebellum
];

function drawClots(random: Random, anatomy: Anatomy, size: number, hu: () => number, hurt: number): Clot[] {
  const count = random() < 0.35 ? 2 + Math.floor(random() * 2) : 1;
  const clots: Clot[] = [];
  for (let i = 0; i < count; i++) {
    const [sx, sy, sz, largest] = SITES[Math.floor(random() * SITES.length)]!;
    const radius = Math.min(largest, uniform(random, 8, 19)) * size;
    const where = i === 0 ? hurt : side(random);
    const j = () => uniform(random, -7, 7);
    const center: [number, number, number] = [where * Math.max(sx + j(), 8), sy + j(), sz + j()];
    // move it inward until it is clear of the skull
    while (cavityDistance(anatomy, anatomy.fossae, ...center) > -0.6 * radius - 2) {
      center[0] *= 0.94;
      center[1] *= 0.94;
      center[2] += (50 - center[2]) * 0.06;
    }
    const angle = uniform(random, 0, Math.PI);
    const edema = uniform(random, 2, 6);
    clots.push({
      center,
      radii: [radius * uniform(random, 0.7, 0.95), radius * uniform(random, 0.95, 1.3), radius],
      cosine: Math.cos(angle),
      sine: Math.sin(angle),
      irregular: uniform(random, 0.15, 0.34) * radius,
      edema,
      reach: 2.2 * radius + edema + 3,
      hu: hu(),
    });
  }
  return clots;
}

function drawLayering(random: Random, difficulty: number, hu: () => number): Layering {
  const both = random() < 0.6;
  const first = random() < 0.5;
  const cast = random() < 0.35 * (1 - difficulty); // a whole ventricle full
  return {
    level: cast ? -60 : uniform(random, 16, mix(36, 46, difficulty)),
    left: both || first ? 1 : 0,
    right: both || !first ? 1 : 0,
    third: random() < 0.45 || cast ? 1 : 0,
    fourth: random() < 0.4 ? 1 : 0,
    hu: hu(),
  };
}

function drawCisternal(
  random: Random,
  anatomy: Anatomy,
  difficulty: number,
  hu: () => number,
  hurt: number,
): Cisternal[] {
  const reach = mix(2.1, 1.2, difficulty) + 0.5 * anatomy.sulcus;
  const basal: Cisternal = {
    center: [0, -6, 42],
    spread: [uniform(random, 30, 52), uniform(random, 26, 40), uniform(random, 16, 26)],
    reach,
    hu: hu() - 4,
  };
  const convex = (): Cisternal => {
    const azimuth = uniform(random, 0.5, 2.5);
    const r = uniform(random, 24, 42);
    return {
      center: [hurt * 55 * Math.sin(azimuth), -66 * Math.cos(azimuth), uniform(random, 66, 112)],
      spread: [r, r, r * 0.8],
      reach,
      hu: hu() - 4,
    };
  };
  const kind = random();
  return kind < 0.4 ? [basal] : kind < 0.8 ? [convex()] : [basal, convex()];
}

function drawCrescent(random: Random, difficulty: number, hu: () => number, hurt: -1 | 1): Crescent {
  return {
    side: hurt,
    azimuth: uniform(random, 1.1, 2.1),
    span: uniform(random, 0.85, 1.4),
    z: uniform(random, 66, 92),
    height: uniform(random, 30, 46),
    thickness: mix(12, 4.5, difficulty) * uniform(random, 0.75, 1.15),
    falx: random() < 0.3 ? uniform(random, 2, 4.5) : 0,
    hu: hu(),
  };
}

function drawLens(random: Random, anatomy: Anatomy, size: number, hu: () => number, hurt: -1 | 1): Lens {
  const azimuth = uniform(random, 0.7, 2.3);
  const z = uniform(random, 50, 92);
  const direction = [hurt * Math.sin(azimuth), -Math.cos(azimuth)] as const;
  let [near, far] = [20, 110];
  for (let i = 0; i < 24; i++) {
    const r = (near + far) / 2;
    if (cavityDistance(anatomy, anatomy.fossae, direction[0] * r, direction[1] * r, z) < 0) near = r;
    else far = r;
  }
  return {
    center: [direction[0] * near, direction[1] * near, z],
    radius: uniform(random, 25, 34) * mix(0.8, 1, clamp01(size)),
    thickness: uniform(random, 12, 19) * size,
    hu: hu(),
  };
}

function massOf({ ich, sdh, edh }: Hemorrhages): MassEffect {
  const mass: MassEffect = { shift: 0, y: 0, z: 70 };
  for (const { side: where, thickness } of sdh) mass.shift += where * thickness * 0.45;
  for (const { center, thickness } of edh) {
    mass.shift += Math.sign(center[0]) * thickness * 0.25;
    mass.y = center[1] * 0.5;
  }
  for (const { center, radii } of ich) mass.shift += Math.sign(center[0]) * Math.max(radii[2] - 8, 0) * 0.3;
  mass.shift = Math.max(-8, Math.min(8, mass.shift));
  return mass;
}
