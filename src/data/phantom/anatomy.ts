import type { Random } from '../../base/random';
import { cone, ellipsoid, zRange, type Shape3 } from './geometry';
import { normal, RandomField, side, uniform } from './random_field';

/** Tissues of a healthy head; a phantom's `tissue` map contains indices of this list. */
export const PHANTOM_TISSUES = ['air', 'soft', 'bone', 'csf', 'ventricle', 'white', 'gray', 'dura'] as const;

export const [AIR, SOFT, BONE, CSF, VENTRICLE, WHITE, GRAY, DURA] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** A structure, painted over those before it in a list. */
export interface Structure {
  shape: Shape3;
  /** CT number in HU. */
  hu: number;
  tissue: number;
  /** Filled with bone and air cells, like the mastoid and the ethmoid. */
  cells?: boolean;
}

/**
 * Parameters of one head. Its coordinates are in mm: x to the patient's left, y backward, z upward, with z = 0 at the
 * foramen magnum and x = y = 0 at the centre of the brain. They describe an average head, which `scale` maps to this
 * one.
 */
export interface Anatomy {
  scale: number;
  /** Rotations of the head in the scanner in radians: about z (in plane), about x (nod) and about y (lean). */
  turn: number;
  nod: number;
  lean: number;
  /** Position of the centre of the head in the image, in mm. */
  offset: [number, number];
  /** Semi-axes of the vault: lateral, anteroposterior, above and below its widest level. */
  width: number;
  length: number;
  height: number;
  depth: number;
  /** How much wider the head is behind than in front. */
  egg: number;
  /** Sideways skew of a slightly asymmetric head. */
  skew: number;
  skullThickness: number;
  scalp: number;
  /** A swelling of the scalp: direction (unit) and height in mm. */
  swelling: { direction: [number, number, number]; height: number } | undefined;
  /** The parts of the cranial cavity below the vault. */
  fossae: Shape3[];
  /** Structures outside the cavity, in painting order. */
  skullBase: Structure[];
  ventricles: Shape3[];
  /** Widening of the ventricles on the left and the right side, in mm of radius. */
  ventricleGrowth: [number, number];
  cisterns: Shape3[];
  brainstem: Shape3;
  deepGray: Shape3[];
  calcifications: Structure[];
  /** Half width of a sulcus at the surface and of the gap below the skull, in mm. */
  sulcus: number;
  gap: number;
  grayHu: number;
  whiteHu: number;
  csfHu: number;
  sulci: RandomField;
  texture: RandomField;
  /** Position of the scanner's head rest below the head, in mm; 0 without one. */
  headRest: number;
}

/** Draws one head. */
export function drawAnatomy(random: Random): Anatomy {
  const atrophy = random() ** 2; // most heads have little of it
  const growth = uniform(random, -0.8, 0.6) + 3.2 * atrophy + (random() < 0.06 ? 4 : 0);
  const asymmetry = 0.5 * normal(random);
  const x = (value: number) => value + uniform(random, -1, 1);
  return {
    scale: uniform(random, 0.94, 1.06),
    turn: 0.09 * normal(random),
    nod: uniform(random, -0.12, 0.12),
    lean: 0.035 * normal(random),
    offset: [uniform(random, -6, 6), uniform(random, -4, 8)],
    width: uniform(random, 61, 68),
    length: uniform(random, 77, 84),
    height: uniform(random, 68, 75),
    depth: 40,
    egg: uniform(random, 0.06, 0.14),
    skew: 0.025 * normal(random),
    skullThickness: uniform(random, 5, 7.5),
    scalp: uniform(random, 4.5, 8),
    swelling: random() < 0.4 ? drawSwelling(random) : undefined,
    fossae: [
      ellipsoid([x(38), x(-16), x(32)], [22, 34, 22], true),
      ellipsoid([0, x(38), x(24)], [54, 40, 31]),
      cone([0, 22, -60], [0, 20, 10], 13, 15),
    ],
    skullBase: drawSkullBase(random),
    ventricles: [
      cone([8, -36, 65], [5, -14, 70], 1.4, 2.8, true),
      cone([5, -14, 71], [13, 16, 76], 2.8, 3.4, true),
      cone([13, 16, 76], [24, 33, 65], 3.4, 4.6, true),
      cone([24, 33, 64], [21, 54, 60], 4.4, 0.9, true),
      cone([25, 32, 62], [34, 10, 46], 3.2, 1, true),
      cone([34, 10, 46], [31, -6, 41], 1, 0.7, true),
      ellipsoid([0, x(-2), 55], [1.7, 14, 9]),
      ellipsoid([0, x(29), 25], [5.5, 5, 9]),
    ],
    ventricleGrowth: [growth + asymmetry, growth - asymmetry],
    cisterns: [
      ellipsoid([0, -13, 40], [9, 8, 5.5]), // suprasellar, with its arms:
      cone([0, -13, 40], [22, -17, 40], 2.6, 1.2, true),
      cone([0, -14, 41], [0, -34, 43], 2.2, 0.8),
      cone([4, 20, 51], [17, 23, 55], 2.6, 1.4, true), // quadrigeminal
      ellipsoid([0, 19, 52], [8, 4, 6]),
      ellipsoid([0, 64, 6], [11, 8, 9]), // cisterna magna
      cone([12, -9, 24], [26, 6, 22], 3, 2.5, true), // cerebellopontine
      ellipsoid([41, -6, 50], [1.1 + atrophy, 17, 13], true), // insular
      cone([42, -14, 42], [62, -16, 42], 1.2 + atrophy, 2.4 + 2 * atrophy, true), // sylvian
    ],
    brainstem: cone([0, 22, -30], [0, 8, 40], 7.5, 12.5),
    deepGray: [
      ellipsoid([11, 3, 61], [8, 14, 10], true), // thalamus
      ellipsoid([26, -9, 59], [6.5, 17, 10], true), // lentiform
      ellipsoid([12, -24, 66], [5, 9, 12], true), // caudate
    ],
    calcifications: drawCalcifications(random),
    sulcus: 0.45 + 1.5 * atrophy,
    gap: 0.5 + 2.4 * atrophy,
    grayHu: uniform(random, 37, 40.5),
    whiteHu: uniform(random, 25, 28),
    csfHu: uniform(random, 3, 10),
    sulci: new RandomField(random, [17, 25]),
    texture: new RandomField(random, [11, 30], 24),
    headRest: random() < 0.6 ? uniform(random, 9, 16) : 0,
  };
}

function drawSwelling(random: Random): Anatomy['swelling'] {
  const azimuth = uniform(random, 0.3, 2.6) * side(random);
  const up = uniform(random, -0.1, 0.6);
  const flat = Math.sqrt(1 - up * up);
  return {
    direction: [flat * Math.sin(azimuth), -flat * Math.cos(azimuth), up],
    height: uniform(random, 2.5, 9),
  };
}

function drawSkullBase(random: Random): Structure[] {
  const j = (value: number, by = 2) => value + uniform(random, -by, by);
  const bone = (shape: Shape3, hu = 850): Structure => ({ shape, hu, tissue: BONE });
  const air = (shape: Shape3): Structure => ({ shape, hu: -980, tissue: AIR });
  const soft = (shape: Shape3, hu: number): Structure => ({ shape, hu, tissue: SOFT });
  const cells = (shape: Shape3, hu = -850): Structure => ({ shape, hu, tissue: AIR, cells: true });
  const sinus = j(15, 4);
  const eye: [number, number, number] = [j(32, 1), j(-63, 1), j(17)];
  return [
    bone(cone([60, 26, 14], [10, -2, 22], 9, 5.5, true)), // petrous
    bone(cone([0, 0, 0], [0, -16, 27], 8, 9)), // clivus and sphenoid
    bone(cone([9, -16, 30], [46, -30, 34], 4, 3, true)), // lesser wing
    bone(cone([12, -22, 20], [48, -38, 18], 5, 5, true)), // greater wing
    bone(ellipsoid([18, 16, -4], [9, 12, 8], true)), // occipital condyles
    bone(cone([50, -44, 14], [46, -72, 2], 4.5, 5.5, true)), // lateral orbital wall, zygoma
    bone(cone([46, -72, 2], [67, -28, -4], 3.5, 2.5, true), 700), // zygomatic arch
    bone(ellipsoid([30, -58, -16], [19, 21, 17], true), 600), // maxilla
    bone(ellipsoid([0, -58, 6], [15, 30, 28]), 500), // nasal and ethmoid frame
    bone(ellipsoid([0, -76, 42], [36, 11, 12])), // frontal, between the orbits
    bone(cone([45, -12, -60], [50, -10, -8], 5, 4, true)), // mandible
    bone(cone([13, 20, -14], [-13, 20, -14], 19, 19), 750), // atlas
    soft(cone([0, 22, -40], [0, 21, -6], 13, 14), 25), // its canal
    soft(ellipsoid([0, 20, -30], [7.5, 6.5, 40]), 35), // the cord
    bone(ellipsoid([eye[0], -54, eye[2]], [20, 28, 18.5], true), 750), // orbital wall
    soft(ellipsoid([eye[0], -56, eye[2]], [18.2, 28, 16.7], true), -75),
    soft(cone([13, -38, 20], [eye[0], -66, eye[2]], 1.6, 1.6, true), 38), // optic nerve
    soft(cone([20, -42, eye[2]], [44, -66, eye[2]], 1.8, 1.8, true), 45), // muscles
    soft(cone([14, -42, eye[2]], [20, -66, eye[2]], 1.8, 1.8, true), 45),
    soft(ellipsoid([eye[0], eye[1] - 2, eye[2]], [12.4, 12.4, 12.4], true), 45), // globe
    soft(ellipsoid([eye[0], eye[1] - 2, eye[2]], [11, 11, 11], true), 10),
    soft(ellipsoid([eye[0], eye[1] - 10.5, eye[2]], [4.6, 2.2, 4.6], true), 80), // lens
    air(ellipsoid([30, -58, -16], [16.5, 18.5, 15], true)), // maxillary sinus
    air(ellipsoid([j(0), -20, 19], [12, 10, 7])), // sphenoid sinus
    cells(ellipsoid([0, -56, 14], [11.5, 26, 19])), // ethmoid
    cells(ellipsoid([0, -62, -14], [10, 28, 16]), -950), // nasal cavity
    bone(cone([0, -88, -14], [0, -36, 10], 1, 1), 350), // septum
    air(ellipsoid([j(9), -79, 44], [sinus, 4.5, 9], true)), // frontal sinus
    cells(ellipsoid([58, 32, 6], [10, 15, 17], true)), // mastoid
    air(cone([78, 17, 10], [50, 14, 14], 2.6, 2.2, true)), // ear canal
  ];
}

/** Bright spots that are not blood. */
function drawCalcifications(random: Random): Structure[] {
  const spots: Structure[] = [];
  const add = (chance: number, shape: () => Shape3) => {
    if (random() < chance) spots.push({ shape: shape(), hu: uniform(random, 90, 320), tissue: GRAY });
  };
  const j = (value: number) => value + uniform(random, -1.5, 1.5);
  const radius = () => uniform(random, 1, 2.4);
  add(0.6, () => ball([0, j(17), j(58)], radius()));
  const choroid = random() < 0.5;
  for (const sign of [-1, 1]) {
    add(choroid ? 0.85 : 0, () => ball([sign * j(23), j(34), j(66)], radius()));
    add(0.08, () => ball([sign * j(21), j(-5), j(57)], radius()));
  }
  add(0.25, () => ellipsoid([0, j(-52), j(100)], [1, uniform(random, 3, 9), uniform(random, 2, 6)]));
  return spots;
}

const ball = (center: [number, number, number], radius: number) =>
  ellipsoid(center, [radius, radius, radius]);

/** The items of a list that overlap [low, high] in z. */
export function structuresBetween<T extends Shape3 | Structure>(list: T[], low: number, high: number): T[] {
  return list.filter((item) => {
    const [bottom, top] = zRange('shape' in item ? item.shape : item);
    return top >= low && bottom <= high;
  });
}
