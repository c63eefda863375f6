import { DataError } from '../../base/errors';
import { tiltOf, type SliceOrientation, type Vector3 } from './geometry';
import { mergeProblems, problem, type DicomProblem } from '../problems';
import { kindOf, type DicomSeriesKind } from './series_kind';
import { readSpacing } from './spacing';
import { orderStack, type DicomFile, type DicomSlice, type OrderedStack } from './stack_order';
import { bySeries, splitStacks, withoutCopies } from './stacks';
import { askew, describeTurn, turnedOrientation, turnOf } from './turn';

/**
 * A series' slices in order, with information from their headers.
 *
 * @inline
 */
export interface DicomSeriesInfo {
  /** SeriesInstanceUID. */
  uid: string;
  /**
   * Index of the stack in its series, from 0: images with the same UID are separated by patient, size, orientation,
   * pixel spacing, unit and type, and by passes over the same positions.
   */
  stack: number;
  studyUid?: string;
  patientId?: string;
  modality?: string;
  /** SeriesDescription, or `''`. */
  description: string;
  kind: DicomSeriesKind;
  /** Number of rows after reorientation; headers contain that of the file. */
  rows: number;
  columns: number;
  /** In mm: between slices (the median), between rows, between columns. Undefined if missing in the headers. */
  spacing: readonly [slice: number | undefined, row: number | undefined, column: number | undefined];
  /**
   * Orientation after reorientation: the rows of axial slices point to the patient's left and their columns to the
   * posterior, as nearly as quarter turns and mirroring allow; `problems` reports if that was necessary.
   */
  orientation?: SliceOrientation;
  /**
   * Unit vector along which the slices are ordered: their normal, from feet to head; for upright slices to the
   * posterior or, failing that, to the left. The patient's long axis if the orientation is missing.
   */
  direction: Vector3;
  /**
   * Angle between the slices' normal and the patient's long axis in degrees: for axial slices the gantry's tilt.
   * GantryDetectorTilt without its sign if the orientation is missing.
   */
  tilt?: number;
  slices: readonly DicomSlice[];
  /** Problems of the series and its files. */
  problems: readonly DicomProblem[];
}

/** Smallest tilt that is reported, in degrees. */
const LEAST_TILT = 0.5;

/**
 * Groups files into series, each an ordered stack of compatible images of one person and one acquisition.
 *
 * @param onBad - Called with the files of a series that cannot be ordered; throws, or continues without them.
 * @param onCopy - Called with each copy of another file; copies are left out.
 * @returns The series, ordered by study, number and UID.
 */
export function groupSeries(
  files: readonly DicomFile[],
  onBad: (files: readonly DicomFile[], error: DataError) => void,
  onCopy: (file: string, error: DataError) => void,
): DicomSeriesInfo[] {
  const found: DicomSeriesInfo[] = [];
  const counts = new Map<string, number>();
  for (const series of bySeries(files)) {
    const originals = withoutCopies(series.files, onCopy);
    for (const stack of splitStacks(originals.files)) {
      const { studyUid = '', seriesUid } = stack.files[0]!.header;
      const key = JSON.stringify([studyUid, seriesUid]);
      const index = counts.get(key) ?? 0;
      counts.set(key, index + 1);
      try {
        const known = [...series.problems, ...stack.problems, ...originals.problems];
        found.push(describeSeries(orderStack(stack.files), index, known));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        onBad(stack.files, error);
      }
    }
  }
  const order = ({ studyUid = '', slices, uid, stack }: DicomSeriesInfo) =>
    [studyUid, slices[0]!.header.seriesNumber ?? Infinity, uid, stack] as const;
  return found.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    const i = x.findIndex((value, at) => value !== y[at]);
    return i < 0 ? 0 : x[i]! < y[i]! ? -1 : 1;
  });
}

/** Describes an ordered stack and its problems. */
function describeSeries(
  { slices, direction, problems }: OrderedStack,
  stack: number,
  known: readonly DicomProblem[],
): DicomSeriesInfo {
  const { header } = slices[0]!;
  const spacing = readSpacing(slices);
  const said = header.gantryTilt === undefined ? undefined : Math.abs(header.gantryTilt);
  const tilt = header.imageOrientation ? tiltOf(direction) : said;
  const kind = kindOf(slices, direction);
  const own: DicomProblem[] = [...known, ...problems, ...spacing.problems];
  const file = slices[0]!.file;
  const report = (...[what, message]: Parameters<typeof problem>) =>
    own.push(problem(what, message, { file }));
  if (kind === 'axial' && Math.max(tilt ?? 0, said ?? 0) >= LEAST_TILT) {
    const tag = said === undefined ? '' : `, GantryDetectorTilt is ${header.gantryTilt}`;
    report('gantry-tilt', `the slices are tilted by ${(tilt ?? 0).toFixed(1)} degrees${tag}`);
  }
  if (header.pixelSpacing === undefined) report('missing-spacing', 'PixelSpacing is missing');
  const scales = new Set(
    slices.map(({ header: { pixels } }) => `${pixels.rescaleSlope} ${pixels.rescaleIntercept}`),
  );
  if (scales.size > 1) report('mixed-series', `the slices have ${scales.size} different values of rescale`);
  const turn = header.imageOrientation && turnOf(header.imageOrientation);
  if (turn !== undefined) {
    report(
      'turned',
      `the slices are stored ${describeTurn(turn)}, and are brought to the standard orientation`,
    );
  }
  const degrees = kind === 'axial' && header.imageOrientation ? askew(header.imageOrientation) : undefined;
  if (degrees !== undefined) {
    report(
      'oblique',
      `the slices are rotated by ${degrees.toFixed(0)} degrees in their plane, which is not corrected`,
    );
  }
  const inPlane = [
    [header.pixels.rows, header.pixelSpacing?.[0]],
    [header.pixels.columns, header.pixelSpacing?.[1]],
  ] as const;
  const [down, across] = turn?.transpose ? [inPlane[1], inPlane[0]] : inPlane;
  return {
    uid: header.seriesUid,
    stack,
    studyUid: header.studyUid,
    patientId: header.patientId,
    modality: header.modality,
    description: header.seriesDescription ?? '',
    kind,
    rows: down[0],
    columns: across[0],
    spacing: [spacing.spacing, down[1], across[1]],
    orientation:
      turn && header.imageOrientation
        ? turnedOrientation(header.imageOrientation, turn)
        : header.imageOrientation,
    direction,
    tilt,
    slices,
    problems: mergeProblems([...own, ...slices.flatMap((slice) => slice.header.problems)]),
  };
}

/** The description of a series without some of its slices. */
export function withoutSlices(info: DicomSeriesInfo, slices: readonly DicomSlice[]): DicomSeriesInfo {
  const lasting = [
    'split-series',
    'merged-series',
    'duplicate-instance',
    'missing-position',
    'one-position',
    'missing-orientation',
  ];
  const problems = info.problems.filter(({ kind }) => lasting.includes(kind));
  return describeSeries({ slices, problems, direction: info.direction }, info.stack, []);
}
