import { deriveSeed, seededRandom } from '../../base/random';
import type { Anatomy } from './anatomy';
import { sampleBlood } from './bleeding';
import { cover, mix } from './geometry';
import { sampleHead } from './head';
import type { Hemorrhages } from './hemorrhage';
import { addScannerNoise, normal, uniform } from './random_field';
import { cutSlab, emptySample, VAULT_LEVEL } from './slab';

/** Side of the square field of view, in mm. */
export const FIELD_OF_VIEW = 240;

/** Nominal slice thickness, in mm; slices at a smaller distance are as thick as that distance. */
const THICKNESS = 5;
const SUBSLICES = 2;

/** Share of a pixel's volume that a hemorrhage must fill for the pixel to belong to its mask. */
const MASK_SHARE = 0.3;

/** Settings of the scanner, drawn once per patient. */
export interface Scan {
  /** Level of the first slice above the foramen magnum and distance between slices, in mm. */
  start: number;
  spacing: number;
  /** Standard deviation of the noise in HU, at 128 pixels. */
  noise: number;
  /** Strength of the dark bands between the petrous bones, in HU. */
  streaks: number;
  /** Slices blurred by motion: index in the stack, and displacement in mm. */
  motion: ReadonlyMap<number, number>;
}

/** Draws how a head is scanned: from below the base to the vertex in `slices` steps. */
export function drawScan(seed: number, slices: number, anatomy: Anatomy): Scan {
  const random = seededRandom(seed);
  const start = uniform(random, -22, -6);
  const top = VAULT_LEVEL + anatomy.height * anatomy.scale + uniform(random, -7, 3);
  const motion = new Map<number, number>();
  const moves = random() < 0.12;
  const first = Math.floor(random() * slices);
  for (let s = first; moves && s < Math.min(first + 3, slices); s++) motion.set(s, uniform(random, 2, 6));
  return {
    start,
    spacing: (top - start) / (slices - 1),
    noise: uniform(random, 1.8, 3.4),
    streaks: uniform(random, 3, 12),
    motion,
  };
}

/** Everything that determines a patient's slices. */
export interface Subject {
  seed: number;
  /** Pixels along a side. */
  size: number;
  anatomy: Anatomy;
  blood: Hemorrhages;
  scan: Scan;
}

/** Renders one slice of a patient, counted from 0, into its part of the patient's arrays. */
export function renderSlice(
  subject: Subject,
  slice: number,
  out: { hu: Float32Array; masks: Uint8Array; tissue: Uint8Array },
): void {
  const { size, anatomy, blood, scan } = subject;
  const { hu, masks, tissue } = out;
  const pixel = FIELD_OF_VIEW / size;
  const shares = new Float64Array(5);
  const mean = new Float32Array(5 * size * size);
  const point = emptySample();
  const axes = headAxes(anatomy);
  const level = scan.start + slice * scan.spacing;
  const thickness = Math.min(THICKNESS, scan.spacing);
  hu.fill(0);
  for (let sub = 0; sub < SUBSLICES; sub++) {
    const up = (level + thickness * ((sub + 0.5) / SUBSLICES - 0.5) - VAULT_LEVEL) / anatomy.scale;
    const middle = VAULT_LEVEL + axes[8]! * up;
    const tilt = Math.abs(axes[6]!) * 85 + Math.abs(axes[7]!) * 105;
    const slab = cutSlab(anatomy, blood.mass, pixel / anatomy.scale, middle - tilt, middle + tilt);
    for (let row = 0; row < size; row++) {
      const back = ((row + 0.5) * pixel - FIELD_OF_VIEW / 2 - anatomy.offset[1]) / anatomy.scale;
      for (let column = 0; column < size; column++) {
        const left = ((column + 0.5) * pixel - FIELD_OF_VIEW / 2 - anatomy.offset[0]) / anatomy.scale;
        point.x = axes[0]! * left + axes[1]! * back + axes[2]! * up;
        point.y = axes[3]! * left + axes[4]! * back + axes[5]! * up;
        point.z = axes[6]! * left + axes[7]! * back + axes[8]! * up + VAULT_LEVEL;
        const at = row * size + column;
        sampleHead(slab, point);
        if (point.inside > 0) {
          sampleBlood(blood, slab, point, back, shares);
          for (let k = 0; k < 5; k++) mean[at * 5 + k]! += shares[k]!;
        } else if (anatomy.headRest > 0 && back > 60) {
          const rest = Math.sqrt(left * left + (back + 25) * (back + 25)) - 122 - anatomy.headRest;
          point.hu = mix(point.hu, 250, cover(Math.abs(rest) - 1, pixel));
        }
        hu[at]! += point.hu / SUBSLICES;
        if (sub === 0) tissue[at] = point.tissue;
      }
    }
  }
  for (let at = 0; at < masks.length; at++) {
    let bits = 0;
    for (let k = 0; k < 5; k++) if (mean[at * 5 + k]! / SUBSLICES >= MASK_SHARE) bits |= 1 << k;
    masks[at] = bits;
  }
  addArtefacts(hu, subject, slice, level);
}

/** Rows of the rotation from scanner to head coordinates: in plane first, then lean, then nod. */
function headAxes({ turn, nod, lean }: Anatomy): Float64Array {
  const [ct, st, cn, sn, cl, sl] = [turn, nod, lean].flatMap((a) => [Math.cos(a), Math.sin(a)]) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Float64Array.of(
    cl * ct,
    cl * st,
    sl,
    -cn * st + sn * sl * ct,
    cn * ct + sn * sl * st,
    -sn * cl,
    -sn * st - cn * sl * ct,
    sn * ct - cn * sl * st,
    cn * cl,
  );
}

/** Adds streaks between the petrous bones, motion ghosts and noise, in the order in which a scanner produces them. */
function addArtefacts(
  hu: Float32Array,
  { seed, size, anatomy, scan }: Subject,
  slice: number,
  level: number,
): void {
  const pixel = FIELD_OF_VIEW / size;
  const petrous = Math.exp(-(((level - 19) / 9) ** 2));
  const random = seededRandom(deriveSeed(seed, 'streaks', slice));
  if (petrous > 0.02) {
    const bands = [0, 1, 2].map(() => ({ y: uniform(random, -8, 30), slope: 0.12 * normal(random) }));
    for (let at = 0; at < hu.length; at++) {
      const x = ((at % size) + 0.5) * pixel - FIELD_OF_VIEW / 2 - anatomy.offset[0];
      const y = (Math.floor(at / size) + 0.5) * pixel - FIELD_OF_VIEW / 2 - anatomy.offset[1];
      if (Math.abs(x) > 50 || hu[at]! < -200) continue;
      const fade = petrous * (1 - (x / 50) ** 2);
      bands.forEach((band, i) => {
        const d = (y - band.y - band.slope * x) / 4;
        hu[at]! += (i === 2 ? 0.8 : -1) * scan.streaks * fade * Math.exp(-d * d);
      });
    }
  }
  const motion = scan.motion.get(slice);
  if (motion !== undefined) addGhost(hu, size, motion / pixel);
  // fewer photons pass through the base
  const sd = scan.noise * Math.sqrt(size / 128) * (1 + 0.5 * petrous);
  addScannerNoise(hu, size, sd, deriveSeed(seed, 'noise', slice));
  for (let at = 0; at < hu.length; at++) hu[at] = Math.max(-1024, Math.min(3071, hu[at]!));
}

/** Blends the image with a copy shifted by `pixels`, as if the patient moved during the rotation. */
function addGhost(hu: Float32Array, size: number, pixels: number): void {
  const still = hu.slice();
  const whole = Math.floor(pixels);
  const part = pixels - whole;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const a = still[row * size + Math.max(column - whole, 0)]!;
      const b = still[row * size + Math.max(column - whole - 1, 0)]!;
      hu[row * size + column] = mix(still[row * size + column]!, mix(a, b, part), 0.3);
    }
  }
}
