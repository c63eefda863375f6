import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';
import type { ReportProblem } from '../problems';
import { DEFLATED_LITTLE_ENDIAN } from '../transfer_syntax';

/** How the pixels of a slice are stored, and how they become Hounsfield units. */
export interface DicomPixelFormat {
  rows: number;
  columns: number;
  /** 1 for gray images, the only ones that can be decoded; 3 for a colour screen shot. */
  samplesPerPixel: number;
  /** `'MONOCHROME2'`, or `'MONOCHROME1'` for a gray image meant to be shown with low values white. */
  photometricInterpretation: string;
  bitsAllocated: 8 | 16;
  bitsStored: number;
  highBit: number;
  /** Whether stored values are two's complement (PixelRepresentation 1). */
  signed: boolean;
  /** RescaleSlope, 1 where it is missing. */
  rescaleSlope: number;
  /** RescaleIntercept, 0 where it is missing. */
  rescaleIntercept: number;
  /** Lowest and highest stored value (before rescaling) of pixels outside the scanned circle. */
  padding?: readonly [lowest: number, highest: number];
}

/** Highest |HU| that a plausible rescale gives; metal on an extended scale stays below 31000. */
const MAX_PLAUSIBLE_HU = 1e5;

/** Unsigned pixels need an intercept at most this high to hold air, which is -1000 HU. */
const HIGHEST_PLAUSIBLE_INTERCEPT = -100;

/** Colours have nothing that could be rescaled. */
const NO_RESCALE = { rescaleSlope: 1, rescaleIntercept: 0 };

/** Whether pixels are one gray value each, so that they can be Hounsfield units: no colours and no palette. */
export function isGray({
  samplesPerPixel,
  photometricInterpretation,
}: Pick<DicomPixelFormat, 'samplesPerPixel' | 'photometricInterpretation'>): boolean {
  return samplesPerPixel === 1 && photometricInterpretation.startsWith('MONOCHROME');
}

/** Reads and checks what the header says about the pixels. */
export function readPixelFormat(
  dataSet: DicomDataSet,
  where: DataLocation,
  report: ReportProblem,
): DicomPixelFormat {
  const required = (tag: string, name: string): number => {
    const value = dataSet.integer(tag);
    if (value === undefined) throw new DataError(`the file has no ${name}`, where);
    return value;
  };
  const expect = (ok: boolean, name: string, rule: string, received: unknown): void => {
    if (!ok) throw new DataError(`${name} is ${String(received)}, expected ${rule}`, where);
  };

  if (dataSet.pixelData === undefined) {
    throw new DataError('the file has no PixelData, or is cut short before it', where);
  }
  const frames = dataSet.text('x00280008') ?? '1';
  expect(Number(frames) === 1, 'NumberOfFrames', '1: multi-frame images are not supported', frames);
  const rows = required('x00280010', 'Rows');
  const columns = required('x00280011', 'Columns');
  expect(rows > 0 && columns > 0, 'Rows x Columns', 'at least 1 x 1', `${rows} x ${columns}`);
  const bitsAllocated = required('x00280100', 'BitsAllocated');
  expect(bitsAllocated === 8 || bitsAllocated === 16, 'BitsAllocated', '8 or 16', bitsAllocated);
  const bitsStored = dataSet.integer('x00280101') ?? bitsAllocated;
  expect(bitsStored >= 1 && bitsStored <= bitsAllocated, 'BitsStored', `1 to ${bitsAllocated}`, bitsStored);
  const highBit = dataSet.integer('x00280102') ?? bitsStored - 1;
  expect(
    highBit >= bitsStored - 1 && highBit < bitsAllocated,
    'HighBit',
    `${bitsStored - 1} to ${bitsAllocated - 1}`,
    highBit,
  );
  const representation = required('x00280103', 'PixelRepresentation');
  expect(representation <= 1, 'PixelRepresentation', '0 or 1', representation);
  const signed = representation === 1;
  const photometricInterpretation = dataSet.text('x00280004') ?? 'MONOCHROME2';
  const samplesPerPixel = dataSet.integer('x00280002') ?? 1;
  const gray = isGray({ samplesPerPixel, photometricInterpretation });
  if (photometricInterpretation === 'MONOCHROME1') {
    report(
      'monochrome1',
      'MONOCHROME1 asks for low values to be shown white; Hounsfield units stay as they are',
    );
  }
  return {
    rows,
    columns,
    samplesPerPixel,
    photometricInterpretation,
    bitsAllocated: bitsAllocated as 8 | 16,
    bitsStored,
    highBit,
    signed,
    ...(gray ? readRescale(dataSet, { bitsStored, signed }, where, report) : NO_RESCALE),
    ...readPadding(dataSet, signed),
  };
}

/**
 * Checks that as many gray pixels are there as the header promises, and that they are written as the syntax says.
 *
 * @param fileBytes - Size of the file, where it is known.
 */
export function checkPixelLength(
  dataSet: DicomDataSet,
  { rows, columns, bitsAllocated }: DicomPixelFormat,
  where: DataLocation,
  fileBytes?: number,
): void {
  const { offset, length } = dataSet.pixelData!;
  const { encoding, name, uid } = dataSet.syntax;
  if ((encoding === 'uncompressed') === (length === undefined)) {
    const found = length === undefined ? 'in fragments' : 'in one piece';
    throw new DataError(`the pixels come ${found}, which does not go with ${name}`, where);
  }
  if (length === undefined) return;
  const expected = (rows * columns * bitsAllocated) / 8;
  if (length < expected) {
    throw new DataError(
      `the pixels have ${length} bytes, expected ${expected} for ${rows} x ${columns}`,
      where,
    );
  }
  if (fileBytes !== undefined && uid !== DEFLATED_LITTLE_ENDIAN && offset + length > fileBytes) {
    const there = Math.max(0, fileBytes - offset);
    throw new DataError(`the file is cut short: ${there} bytes of pixels, expected ${length}`, where);
  }
}

function readRescale(
  dataSet: DicomDataSet,
  { bitsStored, signed }: Pick<DicomPixelFormat, 'bitsStored' | 'signed'>,
  where: DataLocation,
  report: ReportProblem,
): Pick<DicomPixelFormat, 'rescaleSlope' | 'rescaleIntercept'> {
  const read = (tag: string, name: string, missing: number): number => {
    const values = dataSet.decimals(tag);
    if (values?.length === 0) {
      report('missing-rescale', `${name} is missing, ${missing} is taken`);
      return missing;
    }
    if (values?.length !== 1) {
      throw new DataError(`${name} is ${JSON.stringify(dataSet.text(tag))}, expected one number`, where);
    }
    return values[0]!;
  };
  const rescaleSlope = read('x00281053', 'RescaleSlope', 1);
  const rescaleIntercept = read('x00281052', 'RescaleIntercept', 0);
  if (rescaleSlope === 0) throw new DataError('RescaleSlope is 0, which makes all pixels equal', where);

  const span = 2 ** bitsStored;
  const [lowest, highest] = signed ? [-span / 2, span / 2 - 1] : [0, span - 1];
  const ends = [lowest, highest].map((stored) => stored * rescaleSlope + rescaleIntercept);
  const text = `slope ${rescaleSlope} and intercept ${rescaleIntercept}`;
  if (!ends.every((hu) => Number.isFinite(Math.fround(hu)))) {
    throw new DataError(`the rescale ${text} goes beyond the numbers of float32`, where);
  }
  if (rescaleSlope < 0 || ends.some((hu) => Math.abs(hu) > MAX_PLAUSIBLE_HU)) {
    report(
      'implausible-rescale',
      `the rescale ${text} is no usual one for Hounsfield units, it is applied as it is`,
    );
  } else if (!signed && rescaleIntercept > HIGHEST_PLAUSIBLE_INTERCEPT) {
    report(
      'implausible-rescale',
      `unsigned pixels with intercept ${rescaleIntercept} cannot hold air (-1000 HU), ` +
        'perhaps they are signed values or lack an offset; the rescale is applied as it is',
    );
  }
  return { rescaleSlope, rescaleIntercept };
}

function readPadding(dataSet: DicomDataSet, signed: boolean): Pick<DicomPixelFormat, 'padding'> {
  const value = dataSet.integer('x00280120', signed);
  if (value === undefined) return {};
  const limit = dataSet.integer('x00280121', signed) ?? value;
  return { padding: [Math.min(value, limit), Math.max(value, limit)] };
}
