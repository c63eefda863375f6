import { DataError } from '../../base/errors';
import type { DicomHeader } from '../dicom_header';
import { isGray } from '../pixels/pixel_format';
import { problem, type DicomProblem } from '../problems';
import { dot, stackDirection } from './geometry';
import { isDerived, isHounsfield, isLocalizer } from './series_kind';
import { SAME_POSITION, type DicomFile } from './stack_order';

/** Images of one person that may form a stack, and problems with them. */
export interface FoundStack {
  files: readonly DicomFile[];
  problems: readonly DicomProblem[];
}

/** Tolerance of equal orientations and spacings; headers are rounded to a few digits. */
const SAME_DIRECTION = 1e-3;

/** The files of each series by study and person; series of one slice each of one person and study are merged. */
export function bySeries(files: readonly DicomFile[]): FoundStack[] {
  const series = groupBy(files, ({ header, file }) => [
    header.patientId,
    header.studyUid,
    header.seriesUid || [header.seriesNumber, folderOf(file)],
  ]);
  const persons = groupBy([...series.values()], ([first]) => [
    first!.header.studyUid,
    first!.header.seriesUid,
  ]);
  const shared = [...persons.values()].filter(
    (ofSeries) => ofSeries.length > 1 && ofSeries[0]![0]!.header.seriesUid,
  );
  const single = [...series.values()].filter((one) => one.length === 1 && isScan(one[0]!.header)).flat();
  const merged = [...groupBy(single, ({ header }) => [header.patientId, header.studyUid, header.seriesNumber, header.seriesDescription]).values()]
    .flatMap((some) => fitting(some))
    .filter((some) => some.length > 1 && some[0]!.header.studyUid !== undefined && arePlaced(some)); // prettier-ignore
  const gone = new Set(merged.flat());
  return [
    ...[...series.values()]
      .filter(([first]) => !gone.has(first!))
      .map((one) => {
        const others = shared.find((ofSeries) => ofSeries.includes(one));
        const message = `${others?.length} patients share the series' UID; each gets its own stack`;
        return {
          files: one,
          problems: others ? [problem('split-series', message, { file: one[0]!.file })] : [],
        };
      }),
    ...merged.map((some) => {
      const message = `${some.length} series of one slice each fit together and are merged`;
      return { files: some, problems: [problem('merged-series', message, { file: some[0]!.file })] };
    }),
  ];
}

/**
 * Removes copies: files with the SOPInstanceUID and the header of another.
 *
 * @param onCopy - Called with each file that is removed, and why.
 */
export function withoutCopies(
  files: readonly DicomFile[],
  onCopy: (file: string, error: DataError) => void,
): FoundStack {
  const known = new Map<string, DicomFile>();
  const problems: DicomProblem[] = [];
  const kept = [...files]
    .sort((a, b) => (a.file < b.file ? -1 : 1))
    .filter((one) => {
      const { file, frame, header } = one;
      if (header.sopInstanceUid === undefined) return true;
      const key = `${header.sopInstanceUid} ${frame ?? ''}`;
      const first = known.get(key);
      if (first === undefined) {
        known.set(key, one);
        return true;
      }
      const isCopy = identity(first.header) === identity(header);
      const what = `the file has the SOPInstanceUID of ${first.file}`;
      if (isCopy) onCopy(file, new DataError(`${what} and the same header: a copy, left out`, { file }));
      const message = isCopy
        ? `${what} and is left out as a copy`
        : `${what} and another header; both are kept`;
      problems.push(problem('duplicate-instance', message, { file }));
      return !isCopy;
    });
  return { files: kept, problems };
}

/** The header as text, without file name and compression. */
const identity = ({ problems: _, transferSyntax: __, ...header }: DicomHeader) => JSON.stringify(header);

/** Stacks of compatible images with each position once, in an order that does not depend on file names. */
export function splitStacks(files: readonly DicomFile[]): FoundStack[] {
  const smallest = (stack: readonly DicomFile[]) =>
    stack.map(({ header, file }) => header.sopInstanceUid ?? file).reduce((a, b) => (a < b ? a : b));
  const stacks = fitting(files).sort((a, b) => b.length - a.length || (smallest(a) < smallest(b) ? -1 : 1));
  return stacks.flatMap((stack) => {
    const file = stack[0]!.file;
    const passes = passesOf(stack);
    const problems: DicomProblem[] = [];
    if (stacks.length > 1) {
      const sizes = stacks.map(({ length }) => length).join(', ');
      const message = `images of different size, orientation, spacing, unit or type share a series; stacks of ${sizes}`;
      problems.push(problem('split-series', message, { file }));
    }
    if (passes.length > 1) {
      const sizes = passes.map(({ length }) => length).join(', ');
      const message = `the series has up to ${passes.length} images per position, each pass is a stack; stacks of ${sizes}`;
      problems.push(problem('split-series', message, { file }));
    }
    return passes.map((pass) => ({ files: pass, problems }));
  });
}

/** Groups of images that could form a stack, apart from their positions. */
function fitting(files: readonly DicomFile[]): DicomFile[][] {
  const stacks: DicomFile[][] = [];
  for (const file of files) {
    const stack = stacks.find(([first]) => fits(first!.header, file.header));
    if (stack === undefined) stacks.push([file]);
    else stack.push(file);
  }
  return stacks;
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
    isHounsfield(a) === isHounsfield(b) &&
    x.length === y.length &&
    x.every((value, i) => Math.abs(value - y[i]!) < SAME_DIRECTION) &&
    s.length === t.length &&
    s.every((mm, i) => Math.abs(mm - t[i]!) < SAME_DIRECTION)
  );
}

const isScan = (header: DicomHeader) => !isLocalizer(header) && !isDerived(header) && isHounsfield(header);

/** Values that distinguish passes over the same positions, the most reliable first. */
const PASS_KEYS: readonly ((header: DicomHeader) => string | number | undefined)[] = [
  ({ temporalPosition }) => temporalPosition,
  ({ acquisitionNumber }) => acquisitionNumber,
  ({ acquisitionTime }) => acquisitionTime,
];

/**
 * The passes of a scan over its positions, in chronological order; a single one if no position is repeated.
 *
 * Images with the same number or time form a pass, if that gives as many passes as a position has images, with one
 * image per position. Otherwise, for example if every rotation of the tube has its own number, the first images of all
 * positions are the first pass, the second ones the second. An acquisition that continues another one, and repeats only
 * a few of its positions, is the same scan.
 */
function passesOf(files: readonly DicomFile[]): DicomFile[][] {
  const images = imagesByPosition(files);
  const most = Math.max(...(images?.map(({ length }) => length) ?? [1]));
  if (images === undefined || most === 1 || images.length === 1) return [[...files]];

  const repeated = images.filter(({ length }) => length > 1).length;
  for (const key of PASS_KEYS) {
    const groups = [...groupBy([...files].sort(inTime), ({ header }) => key(header)).values()];
    const once = images.every((same) => new Set(same.map(({ header }) => key(header))).size === same.length);
    const smallest = Math.min(...groups.map(({ length }) => length));
    if (groups.length === most && once && 2 * repeated >= smallest) return groups;
  }
  return Array.from({ length: most }, (_, pass) =>
    images.flatMap((same) => [...same].sort(inTime).slice(pass, pass + 1)),
  );
}

/** The images of each position along the stack, in chronological order; undefined if positions are missing. */
function imagesByPosition(files: readonly DicomFile[]): DicomFile[][] | undefined {
  const direction = stackDirection(files[0]!.header.imageOrientation ?? [[1, 0, 0], [0, 1, 0]]); // prettier-ignore
  const places = files.map(({ header }) => header.imagePosition && dot(header.imagePosition, direction));
  if (places.includes(undefined)) return undefined;
  const placed = files
    .map((file, i) => ({ file, place: places[i]! }))
    .sort((a, b) => a.place - b.place || inTime(a.file, b.file));
  const images: DicomFile[][] = [];
  let last = -Infinity;
  for (const { file, place } of placed) {
    if (place - last < SAME_POSITION) images.at(-1)!.push(file);
    else images.push([file]);
    last = place;
  }
  return images;
}

/** Whether all images have different positions. */
const arePlaced = (files: readonly DicomFile[]) => imagesByPosition(files)?.length === files.length;

function inTime(a: DicomFile, b: DicomFile): number {
  const keys = [...PASS_KEYS, ({ instanceNumber }: DicomHeader) => instanceNumber, ({ sopInstanceUid }: DicomHeader) => sopInstanceUid]; // prettier-ignore
  for (const key of keys) {
    const [x, y] = [key(a.header), key(b.header)];
    if (x !== undefined && y !== undefined && x !== y) return x < y ? -1 : 1;
  }
  return a.file < b.file ? -1 : 1;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => unknown): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item)) ?? '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

const folderOf = (file: string) => file.slice(0, Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')));
