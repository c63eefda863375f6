import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';
import type { FrameElements } from '../frame_elements';
import type { ReportProblem } from '../problems';
import { DEFLATED_LITTLE_ENDIAN } from '../transfer_syntax';
import { readRescale, type Rescale } from './rescale';

/**
 * How the pixels of a slice are stored and converted to Hounsfield units.
 *
 * @inline
 */
export interface DicomPixelFormat extends Rescale {
  /** Number of images in the file. */
  frames: number;
  rows: number;
  columns: number;
  /** 1 for gray images, the only ones that can be decoded; 3 for a colour screenshot. */
  samplesPerPixel: number;
  /** `'MONOCHROME2'`, or `'MONOCHROME1'` for a gray image to be displayed with low values white. */
  photometricInterpretation: string;
  bitsAllocated: 8 | 16;
  bitsStored: number;
  highBit: number;
  /** Whether stored values are two's complement (PixelRepresentation 1). */
  signed: boolean;
  /** Lowest and highest stored value (before rescaling) of pixels outside the scanned circle. */
  padding?: readonly [lowest: number, highest: number];
}

/** Colour images are not rescaled. */
const NO_RESCALE = { rescaleSlope: 1, rescaleIntercept: 0 };

/** Whether pixels are single gray values, which can be Hounsfield units, rather than colours or palette indices. */
export function isGray({
  samplesPerPixel,
  photometricInterpretation,
}: Pick<DicomPixelFormat, 'samplesPerPixel' | 'photometricInterpretation'>): boolean {
  return samplesPerPixel === 1 && photometricInterpretation.startsWith('MONOCHROME');
}

/** Reads and checks the pixel format of a frame. */
export function readPixelFormat(
  dataSet: DicomDataSet,
  frame: FrameElements,
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
    throw new DataError('the file has no PixelData, or is truncated before it', where);
  }
  // some writers use 0 for a single frame
  const frames = Math.max(1, Number(dataSet.text('x00280008') ?? '1'));
  const single =
    'an integer, which must be 1 without functional groups, since these contain the positions of frames';
  expect(Number.isInteger(frames) && (frames === 1 || frame.isEnhanced), 'NumberOfFrames', single, frames);
  const described = `${frame.described}, the items of PerFrameFunctionalGroupsSequence`;
  expect(frames === 1 || frames === frame.described, 'NumberOfFrames', described, frames);
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
      'MONOCHROME1 means that low values are displayed white; Hounsfield units are not affected',
    );
  }
  const sign = { bitsStored, signed };
  return {
    frames,
    rows,
    columns,
    samplesPerPixel,
    photometricInterpretation,
    bitsAllocated: bitsAllocated as 8 | 16,
    bitsStored,
    highBit,
    signed,
    ...(gray ? readRescale(dataSet, frame, sign, where, report) : NO_RESCALE),
    ...readPadding(dataSet, signed),
  };
}

/**
 * Checks that the number of gray pixels is that of the header, and that they are encoded according to the transfer
 * syntax.
 *
 * @param fileBytes - Size of the file, if known.
 */
export function checkPixelLength(
  dataSet: DicomDataSet,
  { frames, rows, columns, bitsAllocated }: DicomPixelFormat,
  where: DataLocation,
  fileBytes?: number,
): void {
  const { offset, length } = dataSet.pixelData!;
  const { encoding, name, uid } = dataSet.syntax;
  if ((encoding === 'uncompressed') === (length === undefined)) {
    const found = length === undefined ? 'in fragments' : 'in one piece';
    throw new DataError(`the pixels are ${found}, which contradicts ${name}`, where);
  }
  if (length === undefined) return;
  const expected = (frames * rows * columns * bitsAllocated) / 8;
  if (length < expected) {
    const size = `${frames === 1 ? '' : `${frames} x `}${rows} x ${columns}`;
    throw new DataError(`the pixels have ${length} bytes, expected ${expected} for ${size}`, where);
  }
  if (fileBytes !== undefined && uid !== DEFLATED_LITTLE_ENDIAN && offset + length > fileBytes) {
    const there = Math.max(0, fileBytes - offset);
    throw new DataError(`the file is truncated: ${there} bytes of pixels, expected ${length}`, where);
  }
}

function readPadding(dataSet: DicomDataSet, signed: boolean): Pick<DicomPixelFormat, 'padding'> {
  const value = dataSet.integer('x00280120', signed);
  if (value === undefined) return {};
  const limit = dataSet.integer('x00280121', signed) ?? value;
  return { padding: [Math.min(value, limit), Math.max(value, limit)] };
}
