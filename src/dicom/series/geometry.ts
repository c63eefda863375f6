/**
 * A point or direction in the patient's coordinates (left, posterior, superior), in mm.
 *
 * @inline
 */
export type Vector3 = readonly [x: number, y: number, z: number];

/**
 * Directions of a slice's rows (towards larger columns) and of its columns (towards larger rows).
 *
 * @inline
 */
export type SliceOrientation = readonly [row: Vector3, column: Vector3];

/** Tolerance of unit length and of the right angle between the two directions; headers have at least 4 digits. */
const ORIENTATION_TOLERANCE = 1e-2;

/** Least superior component of a normal that has a direction from feet to head. */
const SMALLEST_HEADWARD = 0.1;

export const dot = (a: Vector3, b: Vector3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/**
 * The six numbers of ImageOrientationPatient as two directions; undefined if they are not perpendicular unit vectors.
 */
export function orthonormal(values: readonly number[]): SliceOrientation | undefined {
  const [a, b, c, d, e, f] = values as [number, number, number, number, number, number];
  const row: Vector3 = [a, b, c];
  const column: Vector3 = [d, e, f];
  const errors = [dot(row, row) - 1, dot(column, column) - 1, dot(row, column)];
  return errors.every((error) => Math.abs(error) < ORIENTATION_TOLERANCE) ? [row, column] : undefined;
}

/**
 * The direction in which slices are ordered: along their normal, from feet to head; for upright slices to the posterior
 * or, failing that, to the left.
 */
export function stackDirection([r, c]: SliceOrientation): Vector3 {
  const cross: Vector3 = [r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]];
  const length = Math.sqrt(dot(cross, cross));
  const [x, y, z] = cross;
  const leading = Math.abs(z) / length > SMALLEST_HEADWARD ? z : Math.abs(y) > Math.abs(x) ? y : x;
  const scale = (leading < 0 ? -1 : 1) / length;
  return [x * scale + 0, y * scale + 0, z * scale + 0]; // + 0 turns -0 into 0
}

/** Angle between a slice's normal and the patient's long axis, in degrees: the gantry's tilt for an axial slice. */
export function tiltOf(direction: Vector3): number {
  return (Math.acos(Math.min(1, Math.abs(direction[2]))) * 180) / Math.PI;
}

/** Directions of the letters of PatientOrientation: left, right, posterior, anterior, head, feet. */
const LETTERS: Record<string, Vector3> = {
  L: [1, 0, 0],
  R: [-1, 0, 0],
  P: [0, 1, 0],
  A: [0, -1, 0],
  H: [0, 0, 1],
  F: [0, 0, -1],
};

/** Smallest component of a direction that gets a letter. */
const LEAST_COMPONENT = 0.1;

/** A direction in the letters of PatientOrientation, the largest component first. */
export function lettersOf(direction: Vector3): string {
  return Object.entries(LETTERS)
    .map(([letter, axis]) => ({ letter, component: dot(axis, direction) }))
    .filter(({ component }) => component >= LEAST_COMPONENT)
    .sort((a, b) => b.component - a.component)
    .map(({ letter }) => letter)
    .join('');
}

/** PatientOrientation (of rows, then of columns) by its leading letters; undefined if invalid. */
export function orientationOf(directions: readonly string[]): SliceOrientation | undefined {
  const [row, column] = directions.map((letters) => LETTERS[letters.slice(0, 1)]);
  if (directions.length !== 2 || row === undefined || column === undefined) return undefined;
  return dot(row, column) === 0 ? [row, column] : undefined;
}
