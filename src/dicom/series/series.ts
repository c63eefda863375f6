import { DataError } from '../../base/errors';
import type { DicomHeader } from '../dicom_header';
import { tiltOf, type SliceOrientation, type Vector3 } from './geometry';
import { isGray } from '../pixels/pixel_format';
import { mergeProblems, type DicomProblem } from '../problems';
import { isDerived, isLocalizer, kindOf, type DicomSeriesKind } from './series_kind';
import { readSpacing } from './spacing';
import { orderStack, type DicomSlice, type OrderedStack } from './stack_order';

/** A series' slices in order, and what their headers say. */
export interface DicomSeriesInfo {
  /** SeriesInstanceUID. */
  uid: string;
  /**
   * Counts the stacks of a series, from 0: images of different size, orientation, pixel spacing or type under one UID
   * cannot lie in one stack, and come as several.
   */
  stack: number;
  studyUid?: string;
  patientId?: string;
  modality?: string;
  /** SeriesDescription, or `''`. */
  description: string;
  kind: DicomSeriesKind;
  rows: number;
  columns: number;
  /** In mm: between slices (the median), between rows, between columns. Undefined where headers do not tell. */
  spacing: readonly [slice: number | undefined, row: number | undefined, column: number | undefined];
  orientation?: SliceOrientation;
  /**
   * Unit vector along which the slices are ordered: their normal, from feet to head; for upright slices to the back or,
   * failing that, to the left. The patient's long axis where the orientation is missing.
   */
  direction: Vector3;
  /**
   * Angle between the slices' normal and the patient's long axis in degrees: for axial slices the gantry's tilt.
   * GantryDetectorTilt, without its sign, where the orientation is missing.
   */
  tilt?: number;
  slices: readonly DicomSlice[];
  /** What is unusual about the series and its files. */
  problems: readonly DicomProblem[];
}

/** A header and the file it is from. */
export type DicomFile = Omit<DicomSlice, 'position'>;

/** Orientations whose vectors differ by less than this are the same; headers round to a few digits. */
const SAME_DIRECTION = 1e-3;

/** Smallest tilt that is reported, in degrees. */
const LEAST_TILT = 0.5;

/**
 * Puts files together to series, each a stack of equal images in order.
 *
 * @param onBad - Told of the files of a series that cannot be ordered; throws, or goes on without them.
 * @returns The series by study, number and UID.
 */
export function groupSeries(
  files: readonly DicomFile[],
  onBad: (files: readonly DicomFile[], error: DataError) => void,
): DicomSeriesInfo[] {
  const bySeries = new Map<string, DicomFile[]>();
  for (const file of files) {
    const key = JSON.stringify([file.header.studyUid ?? '', file.header.seriesUid]);
    const series = bySeries.get(key);
    if (series === undefined) bySeries.set(key, [file]);
    else series.push(file);
  }
  const found: DicomSeriesInfo[] = [];
  for (const series of bySeries.values()) {
    const stacks = splitStacks(series);
    stacks.forEach((stack, index) => {
      try {
        const split: DicomProblem[] = stacks.length === 1 ? [] : [splitProblem(stacks, stack)];
        found.push(describeSeries(orderStack(stack), index, split));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        onBad(stack, error);
      }
    });
  }
  const order = ({ studyUid = '', slices, uid, stack }: DicomSeriesInfo) =>
    [studyUid, slices[0]!.header.seriesNumber ?? Infinity, uid, stack] as const;
  return found.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    const i = x.findIndex((value, at) => value !== y[at]);
    return i < 0 ? 0 : x[i]! < y[i]! ? -1 : 1;
  });
}

/** Says what an ordered stack is, and what is unusual about it. */
export function describeSeries(
  { slices, direction, problems }: OrderedStack,
  stack: number,
  known: readonly DicomProblem[],
): DicomSeriesInfo {
  const { header } = slices[0]!;
  const spacing = readSpacing(slices);
  const said = header.gantryTilt === undefined ? undefined : Math.abs(header.gantryTilt);
  const tilt = header.imageOrientation ? tiltOf(direction) : said;
  const kind = kindOf(slices, direction);
  const own: DicomProblem[] = [...known, ...problems, ...spacing.problems, ...sameInstances(slices)];
  const file = slices[0]!.file;
  if (kind === 'axial' && Math.max(tilt ?? 0, said ?? 0) >= LEAST_TILT) {
    const tag = said === undefined ? '' : `, GantryDetectorTilt is ${header.gantryTilt}`;
    own.push({
      kind: 'gantry-tilt',
      message: `the slices are tilted by ${(tilt ?? 0).toFixed(1)} degrees${tag}`,
      file,
    });
  }
  if (header.pixelSpacing === undefined) {
    own.push({ kind: 'missing-spacing', message: 'PixelSpacing is missing', file });
  }
  for (const [name, value] of [
    ['patient', ({ patientId }: DicomHeader) => patientId],
    ['rescale', ({ pixels }: DicomHeader) => `${pixels.rescaleSlope} ${pixels.rescaleIntercept}`],
  ] as const) {
    const values = new Set(slices.map((slice) => value(slice.header) ?? 'none'));
    if (values.size > 1) {
      const message = `the slices have ${values.size} different values of ${name}`;
      own.push({ kind: 'mixed-series', message, file });
    }
  }
  return {
    uid: header.seriesUid,
    stack,
    studyUid: header.studyUid,
    patientId: header.patientId,
    modality: header.modality,
    description: header.seriesDescription ?? '',
    kind,
    rows: header.pixels.rows,
    columns: header.pixels.columns,
    spacing: [spacing.spacing, header.pixelSpacing?.[0], header.pixelSpacing?.[1]],
    orientation: header.imageOrientation,
    direction,
    tilt,
    slices,
    problems: mergeProblems([...own, ...slices.flatMap((slice) => slice.header.problems)]),
  };
}

/** The description of a series some of whose slices are left out. */
export function withoutSlices(info: DicomSeriesInfo, slices: readonly DicomSlice[]): DicomSeriesInfo {
  const lasting = ['split-series', 'missing-position', 'missing-orientation'];
  const problems = info.problems.filter(({ kind }) => lasting.includes(kind));
  return describeSeries({ slices, problems, direction: info.direction }, info.stack, []);
}

/** Stacks of images that fit on one another, in an order that file names do not change. */
function splitStacks(files: readonly DicomFile[]): DicomFile[][] {
  const stacks: DicomFile[][] = [];
  for (const file of files) {
    const stack = stacks.find(([first]) => fits(first!.header, file.header));
    if (stack === undefined) stacks.push([file]);
    else stack.push(file);
  }
  const smallest = (stack: readonly DicomFile[]) =>
    stack.map(({ header, file }) => header.sopInstanceUid ?? file).reduce((a, b) => (a < b ? a : b));
  return stacks.sort((a, b) => b.length - a.length || (smallest(a) < smallest(b) ? -1 : 1));
}

function fits(a: DicomHeader, b: DicomHeader): boolean {
  const vectors = ({ imageOrientation }: DicomHeader) => imageOrientation?.flat() ?? [];
  const [x, y] = [vectors(a), vectors(b)];
  const [s, t] = [a.pixelSpacing ?? [], b.pixelSpacing ?? []];
  return (
    a.pixels.rows === b.pixels.rows &&
    a.pixels.columns === b.pixels.columns &&
    isGray(a.pixels) === isGray(b.pixels) &&
    isLocalizer(a) === isLocalizer(b) &&
    isDerived(a) === isDerived(b) &&
    x.length === y.length &&
    x.every((value, i) => Math.abs(value - y[i]!) < SAME_DIRECTION) &&
    s.length === t.length &&
    s.every((mm, i) => Math.abs(mm - t[i]!) < SAME_DIRECTION)
  );
}

function splitProblem(stacks: readonly (readonly DicomFile[])[], stack: readonly DicomFile[]): DicomProblem {
  const counts = stacks.map(({ length }) => length).join(', ');
  const message = `images of different size, orientation, spacing or type share a series; stacks of ${counts}`;
  return { kind: 'split-series', message, file: stack[0]!.file };
}

/** Files that claim to be the same instance. */
function sameInstances(slices: readonly DicomSlice[]): DicomProblem[] {
  const files = new Map<string, string>();
  return slices.flatMap(({ file, header: { sopInstanceUid: uid } }): DicomProblem[] => {
    const other = uid === undefined ? undefined : files.get(uid);
    if (uid !== undefined && other === undefined) files.set(uid, file);
    if (other === undefined) return [];
    const message = `the file has the SOPInstanceUID of ${other}; both are kept`;
    return [{ kind: 'duplicate-instance', message, file }];
  });
}
