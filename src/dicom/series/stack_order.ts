import { DataError } from '../../base/errors';
import type { DicomHeader } from '../dicom_header';
import { dot, stackDirection, type Vector3 } from './geometry';
import { problem, type DicomProblem } from '../problems';

/**
 * A file of a series.
 *
 * @inline
 */
export interface DicomSlice {
  /** Path, beginning with the folder as given by the caller. */
  file: string;
  /** Index of the frame in a multi-frame file, from 0; undefined for a single frame. */
  frame?: number;
  /**
   * Position along the stack in mm, from feet to head: ImagePositionPatient projected on the slices' normal,
   * SliceLocation if that is missing, or undefined if both are missing.
   */
  position?: number;
  header: DicomHeader;
}

/** A header and its file. */
export type DicomFile = Omit<DicomSlice, 'position'>;

/** Ordered slices, and problems with the order. */
export interface OrderedStack {
  slices: readonly DicomSlice[];
  /** Unit vector of the order: along the slices' normal, from feet to head. */
  direction: Vector3;
  problems: DicomProblem[];
}

/** Positions closer than this, in mm, count as equal. */
export const SAME_POSITION = 0.01;

/**
 * Orders slices of one orientation from feet to head by their position; if positions are missing or
 * all equal, by SliceLocation; if that is missing too, by InstanceNumber.
 *
 * @throws DataError if several slices have none of them.
 */
export function orderStack(files: readonly DicomFile[]): OrderedStack {
  const problems: DicomProblem[] = [];
  const first = files[0]!;
  const orientation = first.header.imageOrientation;
  const report = (kind: DicomProblem['kind'], message: string) =>
    problems.push(problem(kind, message, { file: first.file }));
  if (orientation === undefined) {
    report('missing-orientation', 'ImageOrientationPatient is missing, slices are assumed to be axial');
  }
  const direction = stackDirection(orientation ?? [[1, 0, 0], [0, 1, 0]]); // prettier-ignore

  const byPosition = files.map(({ header }) => header.imagePosition && dot(header.imagePosition, direction));
  if (isUsable(byPosition)) return { slices: sorted(files, byPosition, byPosition), direction, problems };

  const byLocation = files.map(({ header }) => header.sliceLocation);
  const what = byPosition.includes(undefined) ? 'is missing' : 'is the same in all slices';
  if (isUsable(byLocation)) {
    report('missing-position', `ImagePositionPatient ${what}, slices are ordered by SliceLocation`);
    return { slices: sorted(files, byLocation, byLocation), direction, problems };
  }
  const byInstance = files.map(({ header }) => header.instanceNumber);
  if (isUsable(byInstance)) {
    if (!byPosition.includes(undefined)) {
      const message = `${files.length} images have the same ImagePositionPatient: they are not a stack of slices`;
      report('one-position', `${message}, and are ordered by InstanceNumber`);
      return { slices: sorted(files, byInstance, byPosition), direction, problems };
    }
    report('missing-position', 'ImagePositionPatient is missing, slices are ordered by InstanceNumber');
    return { slices: sorted(files, byInstance, byPosition), direction, problems };
  }
  const unplaced = files.find((_, i) => byPosition[i] === undefined);
  if (unplaced === undefined || files.length === 1) {
    if (unplaced !== undefined)
      report('missing-position', 'ImagePositionPatient and SliceLocation are missing');
    return { slices: sorted(files, files.map(() => 0), byPosition), direction, problems }; // prettier-ignore
  }
  throw new DataError(
    'the slices of the series cannot be ordered: positions, locations and instance numbers are missing or equal',
    { file: unplaced.file },
  );
}

/** Whether every slice has a value, and the values of several slices are not all equal. */
function isUsable(values: readonly (number | undefined)[]): values is number[] {
  if (values.includes(undefined)) return false;
  return values.length === 1 || values.some((value) => Math.abs(value! - values[0]!) >= SAME_POSITION);
}

/** Slices sorted by their key; ties are broken by other header values, and only then by the file name. */
function sorted(
  files: readonly DicomFile[],
  keys: readonly number[],
  positions: readonly (number | undefined)[],
): DicomSlice[] {
  const ties = ({ header, file, frame }: DicomFile) => [
    header.acquisitionNumber ?? 0,
    header.instanceNumber ?? 0,
    header.sopInstanceUid ?? '',
    file,
    frame ?? 0,
  ];
  return files
    .map((slice, i) => ({ slice, key: keys[i]!, position: positions[i], ties: ties(slice) }))
    .sort((a, b) => {
      if (a.key !== b.key) return a.key - b.key;
      const i = a.ties.findIndex((tie, t) => tie !== b.ties[t]);
      return i < 0 ? 0 : a.ties[i]! < b.ties[i]! ? -1 : 1;
    })
    .map(({ slice, position }) => ({ ...slice, ...(position !== undefined && { position }) }));
}
