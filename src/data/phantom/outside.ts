import { AIR, BONE, SOFT, type Anatomy } from './anatomy';
import { clamp01, cover, distance, mix, smoothMin, smoothStep } from './geometry';
import { FAR, VAULT_LEVEL, vaultDistance, type HeadSlab, type Sample } from './slab';

/** Samples a point outside the cranial cavity, at distance `cavity` to it: bone, scalp, face or air. */
export function sampleOutside(slab: HeadSlab, cavity: number, point: Sample): void {
  const { anatomy, pixel } = slab;
  const { x, y, z } = point;
  let scalp = anatomy.scalp;
  if (anatomy.swelling !== undefined) scalp += swellingAt(anatomy.swelling, x, y, z);
  // around the base the bone follows a smooth hull rather than each fossa
  let table = cavity;
  if (z > 6 && z < VAULT_LEVEL && y > -58) {
    const open = 14 * (1 - smoothStep(6, 18, z)) + 20 * smoothStep(-46, -58, y);
    table = Math.min(
      table,
      Math.max(vaultDistance(anatomy, x, y, z, 78), 0.5 * anatomy.skullThickness) + open,
    );
  }
  let skin = table - anatomy.skullThickness - scalp;
  if (z < 62) skin = smoothMin(skin, faceDistance(x, y, z), 8);
  const body = cover(skin, pixel);
  if (body === 0) {
    point.hu = -1000;
    point.tissue = AIR;
    return;
  }
  const bone = cover(table - anatomy.skullThickness, pixel);
  let hu = 0;
  let tissue: number = SOFT;
  if (bone < 1) {
    const grain = anatomy.texture.at(x * 0.55, y * 0.55, z * 0.55);
    // muscle: deep in the neck and face, and the temporal muscle higher up
    const temporal = smoothStep(50, 60, Math.abs(x)) * smoothStep(30, 14, y) * smoothStep(86, 66, z);
    const deep = z < VAULT_LEVEL ? smoothStep(-6, -9, skin) : 0;
    const muscle = Math.max(temporal, deep) * smoothStep(0.06, 0.26, Math.abs(grain));
    const swollen = 0.75 * smoothStep(0.3, 3, scalp - anatomy.scalp);
    const depthOfSkin = cover(skin + 2.2, 1.2);
    hu = mix(45, mix(-85, 58, Math.max(muscle, swollen)), depthOfSkin);
    if (z < 62) {
      for (const structure of slab.skullBase) {
        const c = cover(distance(structure.shape, x, y, z, FAR), pixel);
        if (c === 0) continue;
        let value = structure.hu;
        let kind = structure.tissue;
        if (structure.cells === true && Math.abs(anatomy.texture.at(x * 3, y * 3, z * 2)) < 0.28) {
          value = 450;
          kind = BONE;
        }
        hu = mix(hu, value, c);
        if (c >= 0.5) tissue = kind;
      }
    }
  }
  // the diploe between the tables is less dense
  const within = cavity / anatomy.skullThickness;
  const diploe = 1150 - 420 * clamp01(1 - Math.abs(within - 0.5) * 3.2);
  hu = mix(hu, diploe, bone);
  if (bone >= 0.5) tissue = BONE;
  point.hu = mix(-1000, hu, body);
  point.tissue = body < 0.5 ? AIR : tissue;
}

/** Face, neck and nose below the vault: a tapered column with a rounded top. */
function faceDistance(x: number, y: number, z: number): number {
  const t = clamp01((z - 8) / 52);
  const round = Math.sqrt(Math.max(1 - t * t, 0.01));
  const rx = 70 * round * (z < 0 ? 1 + z / 260 : 1);
  const ry = 90 * round;
  const u = x / (1 + (0.1 * y) / 90);
  const k = Math.sqrt((u * u) / (rx * rx) + (y * y) / (ry * ry));
  const column = (k - 1) * Math.min(rx, ry);
  const nx = x;
  const ny = y + 92;
  const nose = Math.sqrt(nx * nx + ny * ny * 0.35) - (z < 22 ? 9 - Math.abs(z + 4) * 0.22 : 0);
  return smoothMin(column, nose, 6);
}

function swellingAt(
  { direction, height }: NonNullable<Anatomy['swelling']>,
  x: number,
  y: number,
  z: number,
): number {
  const h = z - VAULT_LEVEL;
  const r = Math.sqrt(x * x + y * y + h * h) + 1e-6;
  const cosine = (x * direction[0] + y * direction[1] + h * direction[2]) / r;
  return height * smoothStep(0.86, 0.99, cosine);
}
