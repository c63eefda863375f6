import { DataError, type DataLocation } from '../../base/errors';
import {
  integerFrom0,
  listOf,
  oneOf,
  optional,
  positiveInteger,
  resolveOptions,
  type Rules,
} from '../../base/options';
import { decodeCodestream } from './codestream';
import type { DicomDataSet } from '../data_set';
import { misplacedBehind, nameOf } from '../elements';
import { parseDicom, type DicomHeader, type ParsedDicom } from '../dicom_header';
import { endOfFragments, frameCodestream } from './encapsulated';
import { readModalityLut } from './modality_lut';
import { isGray, type DicomPixelFormat } from './pixel_format';
import {
  firstError,
  problem,
  PROBLEM_KINDS,
  type DicomProblem,
  type DicomProblemKind,
  type ReportProblem,
} from '../problems';
import { decodeRle } from './rle';
import { toHounsfield } from './hounsfield';

/**
 * Options of {@link decodeDicomSlice}.
 *
 * @inline
 */
export interface DecodeDicomOptions {
  /**
   * How to treat pixels with PixelPaddingValue, which scanners write outside the scanned circle: `'keep'` rescales them
   * like all others, as pydicom does; `'air'` sets them to -1000 HU.
   * @defaultValue 'keep'
   */
  padding?: 'keep' | 'air';
  /**
   * Maximum number of pixels of a slice.
   * @defaultValue `2 ** 24`: 4096 x 4096
   */
  maxPixels?: number;
  /**
   * Index of the frame in a multi-frame file, from 0.
   * @defaultValue the only one there is
   */
  frame?: number;
  /**
   * Kinds of error to accept, e.g. `['not-hu']` for a spectral map.
   * @defaultValue none
   */
  allow?: readonly DicomProblemKind[];
}

/** Options of functions that read more than one image. */
export type ReadOptions = Omit<DecodeDicomOptions, 'frame'>;

/** Rules of {@link ReadOptions}. */
export const READ_RULES = {
  padding: optional(oneOf(['keep', 'air']), 'keep'),
  maxPixels: optional(positiveInteger, 2 ** 24),
  allow: optional(listOf(oneOf(PROBLEM_KINDS)), [] as readonly DicomProblemKind[]),
} satisfies Rules<ReadOptions>;

const RULES = { ...READ_RULES, frame: optional(integerFrom0) } satisfies Rules<DecodeDicomOptions>;

/**
 * A slice in Hounsfield units.
 *
 * @inline
 */
export interface DecodedDicomSlice {
  header: DicomHeader;
  /** `rows * columns` values in Hounsfield units, row by row, in the file's own orientation. */
  hu: Float32Array;
  rows: number;
  columns: number;
  /** Problems of the pixels; those of the header are in `header.problems`. */
  problems: readonly DicomProblem[];
}

/**
 * Decodes a CT slice to Hounsfield units, `stored * RescaleSlope + RescaleIntercept`.
 *
 * A stored value is the BitsStored bits that end at HighBit, in two's complement if PixelRepresentation is 1; the other
 * bits are ignored, according to the standard. (pydicom uses all allocated bits; the two differ only for files that are
 * reported as `'bits-outside-stored'`.) MONOCHROME1 is about display and changes nothing. A table (ModalityLUTSequence)
 * is applied instead of the rescale if present, as in pydicom; enhanced images have the rescale of the frame's
 * functional groups. 12 unsigned bits without an offset, whose air has wrapped to 3096 (as in some files of RSNA 2019),
 * are unwrapped. Works without tensors, so that it can run in a worker thread.
 *
 * @param bytes - The whole file.
 * @param where - Where the bytes are from, for error messages.
 * @throws DataError when the bytes do not parse, are cut short or damaged, hold a colour image, have a transfer syntax
 * that is not supported, or a problem that is an error and not in `allow`: the values are not Hounsfield units.
 * @example
 * ```ts
 * const { hu, rows, columns } = await decodeDicomSlice(await readFile('IM0001.dcm'), { file: 'IM0001.dcm' });
 * ```
 */
export async function decodeDicomSlice(
  bytes: Uint8Array,
  where: DataLocation = {},
  options: DecodeDicomOptions = {},
): Promise<DecodedDicomSlice> {
  const resolved = resolveOptions('decodeDicomSlice', options, RULES);
  return decodeFrame(parseDicom(bytes, where, bytes.length), where, resolved);
}

/** {@link decodeDicomSlice} for a parsed file and checked options, for any of its frames. */
export async function decodeFrame(
  { dataSet, header: headerOf }: ParsedDicom,
  where: DataLocation,
  options: ReadOptions & { frame: number | undefined },
): Promise<DecodedDicomSlice> {
  const { padding = 'keep', maxPixels = READ_RULES.maxPixels.absent, allow = [], frame } = options;
  const header = headerOf(frame ?? 0, where);
  const { frames, rows, columns, samplesPerPixel, photometricInterpretation } = header.pixels;
  if (frame === undefined ? frames > 1 : frame >= frames) {
    throw new DataError(`the file has ${frames} frames, expected one of 0..${frames - 1} as frame`, where);
  }
  if (!isGray(header.pixels)) {
    const what = `${photometricInterpretation} of ${samplesPerPixel} samples a pixel`;
    throw new DataError(`expected a gray image, found ${what}`, where);
  }
  if (rows * columns > maxPixels) {
    throw new DataError(`the slice has ${rows} x ${columns} pixels, more than ${maxPixels}`, where);
  }
  stopAtError(header.problems, allow, where);
  const problems: DicomProblem[] = [];
  const report: ReportProblem = (kind, message, pixels) =>
    problems.push(problem(kind, message, { file: where.file, pixels }));
  const stored = await readStored(dataSet, header.pixels, frame ?? 0, where, report);
  reportMisplaced(dataSet, where, report);
  const lut = readModalityLut(dataSet, header.pixels.signed, where);
  const asWords = ['uncompressed', 'rle'].includes(dataSet.syntax.encoding);
  const hu = toHounsfield(stored, header.pixels, { padding, lut, asWords }, report);
  stopAtError(problems, allow, where);
  return { header, hu, rows, columns, problems };
}

/** @throws DataError for the first problem that is an error and not allowed. */
export function stopAtError(
  problems: readonly DicomProblem[],
  allow: readonly DicomProblemKind[],
  where: DataLocation,
): void {
  const error = firstError(problems, allow);
  if (error !== undefined) {
    throw new DataError(`${error.message}; allow: ['${error.kind}'] accepts it`, where);
  }
}

/** Stored values, 8 or 16 bits each, as unsigned integers. */
async function readStored(
  dataSet: DicomDataSet,
  format: DicomPixelFormat,
  frame: number,
  where: DataLocation,
  report: ReportProblem,
): Promise<Uint8Array | Uint16Array> {
  const { offset, length = 0 } = dataSet.pixelData!;
  const { encoding } = dataSet.syntax;
  if (encoding !== 'uncompressed') {
    const codestream = frameCodestream(dataSet, format.frames, frame, where);
    return encoding === 'rle'
      ? decodeRle(codestream, format, where)
      : decodeCodestream(codestream, encoding, format, where, report);
  }
  const size = (format.rows * format.columns * format.bitsAllocated) / 8;
  const expected = size * format.frames;
  if (offset + length > dataSet.bytes.length) {
    const there = Math.max(0, dataSet.bytes.length - offset);
    throw new DataError(`the file is truncated: ${there} bytes of pixels, expected ${length}`, where);
  }
  if (length > expected + (expected % 2)) {
    report('excess-pixel-data', `the pixels have ${length} bytes, of which the first ${expected} are used`);
  }
  const start = offset + frame * size;
  const { littleEndian } = dataSet.layout;
  if (format.bitsAllocated === 16) {
    return words(dataSet.bytes.subarray(start, start + size), littleEndian);
  }
  if (littleEndian) return dataSet.bytes.subarray(start, start + size);
  // 8-bit pixels of big endian files are written as 16-bit words, with each pair exchanged
  return Uint8Array.from({ length: size }, (_, i) => dataSet.bytes[offset + ((frame * size + i) ^ 1)]!);
}

/**
 * Reports elements after the pixels, which are ignored; other software may use them: pydicom uses the last of repeated
 * elements.
 */
function reportMisplaced(dataSet: DicomDataSet, where: DataLocation, report: ReportProblem): void {
  const { bytes, layout } = dataSet;
  const { offset, length } = dataSet.pixelData!;
  const end = length === undefined ? endOfFragments(dataSet, where) : offset + length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = misplacedBehind(view, end, layout);
  if (tag === undefined) return;
  report(
    'syntax-mismatch',
    `element ${nameOf(tag)} follows the pixels, but belongs before them, and is ignored`,
  );
}

/** Copies 16-bit words, whose offset in the file may be odd. */
function words(bytes: Uint8Array, littleEndian: boolean): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = view.getUint16(2 * i, littleEndian);
  return values;
}
