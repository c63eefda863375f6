import type { SliceOrientation } from './geometry';

/** Reorientation of a slice to the standard orientation: first transposed, then mirrored. */
export interface Turn {
  transpose: boolean;
  /** Whether each row is reversed. */
  mirrorRows: boolean;
  /** Whether the order of rows is reversed. */
  mirrorColumns: boolean;
}

/** An image with one value per pixel, row by row. */
export interface Plane {
  values: Float32Array;
  rows: number;
  columns: number;
}

/** In-plane angle in degrees beyond which the head remains visibly rotated after the nearest quarter turn. */
const ASKEW = 30;

/**
 * The turn after which an axial slice's rows point to the patient's left and its columns to the posterior, to the
 * nearest quarter turn; undefined if none is needed, and for slices that are not axial.
 */
export function turnOf([row, column]: SliceOrientation): Turn | undefined {
  const normal = row[0] * column[1] - row[1] * column[0];
  if (Math.abs(normal) < Math.SQRT1_2) return undefined;
  const transpose = Math.abs(row[0]) < Math.abs(column[0]);
  const [across, down] = transpose ? [column, row] : [row, column];
  const turn = { transpose, mirrorRows: across[0] < 0, mirrorColumns: down[1] < 0 };
  return transpose || turn.mirrorRows || turn.mirrorColumns ? turn : undefined;
}

/** The orientation of a slice after a turn. */
export function turnedOrientation([row, column]: SliceOrientation, turn: Turn): SliceOrientation {
  const [across, down] = turn.transpose ? [column, row] : [row, column];
  const flip = ([x, y, z]: SliceOrientation[0], yes: boolean) =>
    yes ? ([-x + 0, -y + 0, -z + 0] as const) : ([x, y, z] as const);
  return [flip(across, turn.mirrorRows), flip(down, turn.mirrorColumns)];
}

/** Applies a turn to a slice. */
export function turnPlane({ values, rows, columns }: Plane, turn: Turn): Plane {
  const [height, width] = turn.transpose ? [columns, rows] : [rows, columns];
  const out = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    const v = turn.mirrorColumns ? height - 1 - y : y;
    for (let x = 0; x < width; x++) {
      const u = turn.mirrorRows ? width - 1 - x : x;
      out[y * width + x] = values[turn.transpose ? u * columns + v : v * columns + u]!;
    }
  }
  return { values: out, rows: height, columns: width };
}

/** Description of a turn. */
export function describeTurn({ transpose, mirrorRows, mirrorColumns }: Turn): string {
  const mirrored = Number(mirrorRows) + Number(mirrorColumns);
  if (!transpose)
    return mirrored === 2
      ? 'upside down (rotated by 180 degrees)'
      : mirrorRows
        ? 'mirrored left to right'
        : 'mirrored front to back';
  return mirrored === 1 ? 'rotated by 90 degrees' : 'with rows and columns exchanged';
}

/** Remaining in-plane rotation of the head in degrees; undefined if negligible. */
export function askew([row, column]: SliceOrientation): number | undefined {
  const across = Math.abs(row[0]) < Math.abs(column[0]) ? column : row;
  const degrees = (Math.atan2(Math.abs(across[1]), Math.abs(across[0])) * 180) / Math.PI;
  return degrees > ASKEW ? degrees : undefined;
}
