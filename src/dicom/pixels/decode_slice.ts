import {
  check,
  checkKnownKeys,
  checkOneOf,
  DataError,
  isPositiveInteger,
  type DataLocation,
} from '../../base/errors';
import { decodeCodestream } from './codestream';
import type { DicomDataSet } from '../data_set';
import { parseDicom, type DicomHeader } from '../dicom_header';
import { joinFragments } from './encapsulated';
import { isGray, type DicomPixelFormat } from './pixel_format';
import type { DicomProblem, ReportProblem } from '../problems';
import { decodeRle } from './rle';

/** Options of {@link decodeDicomSlice}. */
export interface DecodeDicomOptions {
  /**
   * What becomes of pixels that hold PixelPaddingValue, which scanners write outside the scanned circle: `'keep'`
   * rescales them as all others, which is what pydicom does; `'air'` makes them {@link AIR_HU}.
   * @defaultValue 'keep'
   */
  padding?: 'keep' | 'air';
  /**
   * Most pixels a slice may have.
   * @defaultValue `2 ** 24`: 4096 x 4096
   */
  maxPixels?: number;
}

/** A slice in Hounsfield units. */
export interface DecodedDicomSlice {
  header: DicomHeader;
  /** `rows * columns` values in Hounsfield units, row by row. */
  hu: Float32Array;
  rows: number;
  columns: number;
  /** What is unusual about the pixels; `header.problems` says it of the header. */
  problems: readonly DicomProblem[];
}

/** Hounsfield units of air, by their definition. */
export const AIR_HU = -1000;

/**
 * Decodes a CT slice to Hounsfield units, `stored * RescaleSlope + RescaleIntercept`.
 *
 * A stored value is the BitsStored bits that end at HighBit, in two's complement where PixelRepresentation is 1; what
 * is in the bits beside them is left out of account, as the standard says. (pydicom takes all allocated bits; the two
 * differ only for files that are reported as `'bits-outside-stored'`.) MONOCHROME1 is about display and changes
 * nothing. Works without tensors, so that it can run in a worker thread.
 *
 * @param bytes - The whole file.
 * @param where - Where the bytes are from, for error messages.
 * @throws DataError when the bytes do not parse, are cut short or damaged, hold a colour or multi-frame image, or
 * have a transfer syntax that is not supported.
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
  checkKnownKeys(options, DECODE_OPTIONS, 'decodeDicomSlice');
  const { padding, maxPixels } = checkDecodeOptions('decodeDicomSlice', options);
  const { header, dataSet } = parseDicom(bytes, where, bytes.length);
  const { rows, columns, samplesPerPixel, photometricInterpretation } = header.pixels;
  if (!isGray(header.pixels)) {
    const what = `${photometricInterpretation} of ${samplesPerPixel} samples a pixel`;
    throw new DataError(`expected a gray image, found ${what}`, where);
  }
  if (rows * columns > maxPixels) {
    throw new DataError(`the slice has ${rows} x ${columns} pixels, more than ${maxPixels}`, where);
  }
  const problems: DicomProblem[] = [];
  const report: ReportProblem = (kind, message, pixels) =>
    problems.push({ kind, message, file: where.file, pixels });
  const stored = await readStored(dataSet, header.pixels, where, report);
  const hu = rescale(stored, header.pixels, padding, report);
  return { header, hu, rows, columns, problems };
}

/** Keys of {@link DecodeDicomOptions}. */
export const DECODE_OPTIONS = ['padding', 'maxPixels'];

/** The options with their defaults. */
export function checkDecodeOptions(fn: string, options: DecodeDicomOptions): Required<DecodeDicomOptions> {
  const { padding = 'keep', maxPixels = 2 ** 24 } = options;
  checkOneOf(padding, ['keep', 'air'], `${fn}: padding`);
  check(isPositiveInteger(maxPixels), `${fn}: maxPixels`, 'an integer of at least 1', maxPixels);
  return { padding, maxPixels };
}

/** Pixels as they are stored, 8 or 16 bits each, without regard to their sign. */
async function readStored(
  dataSet: DicomDataSet,
  format: DicomPixelFormat,
  where: DataLocation,
  report: ReportProblem,
): Promise<Uint8Array | Uint16Array> {
  const { offset, length = 0 } = dataSet.pixelData!;
  const { encoding } = dataSet.syntax;
  if (encoding !== 'uncompressed') {
    const codestream = joinFragments(dataSet.bytes, offset, where);
    return encoding === 'rle'
      ? decodeRle(codestream, format, where)
      : decodeCodestream(codestream, encoding, format, where, report);
  }
  const expected = (format.rows * format.columns * format.bitsAllocated) / 8;
  if (offset + length > dataSet.bytes.length) {
    const there = Math.max(0, dataSet.bytes.length - offset);
    throw new DataError(`the file is cut short: ${there} bytes of pixels, expected ${length}`, where);
  }
  if (length > expected + (expected % 2)) {
    report('excess-pixel-data', `the pixels have ${length} bytes, the first ${expected} are taken`);
  }
  const pixels = dataSet.bytes.subarray(offset, offset + expected);
  return format.bitsAllocated === 8 ? pixels : littleEndian16(pixels);
}

/** A copy, because the bytes of a file need not lie at an even address. */
function littleEndian16(bytes: Uint8Array): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = view.getUint16(2 * i, true);
  return values;
}

function rescale(
  stored: Uint8Array | Uint16Array,
  format: DicomPixelFormat,
  padding: 'keep' | 'air',
  report: ReportProblem,
): Float32Array {
  const { bitsStored, highBit, signed, rescaleSlope, rescaleIntercept } = format;
  const [paddingLow, paddingHigh] = format.padding ?? [Infinity, -Infinity];
  const below = highBit + 1 - bitsStored; // bits to the right of the stored ones
  const above = 31 - highBit; // and to the left, in the 32 bits that JavaScript shifts
  const width = 8 * stored.BYTES_PER_ELEMENT;
  const all = 2 ** width - 1;
  const outside = all & ~((2 ** bitsStored - 1) << below);
  let padded = 0;
  let dirty = 0;
  const hu = new Float32Array(stored.length);
  for (let i = 0; i < hu.length; i++) {
    const bits = stored[i]!;
    const shifted = bits << above;
    const value = signed ? shifted >> (above + below) : shifted >>> (above + below);
    let isPadding = value >= paddingLow && value <= paddingHigh;
    // a sign that goes on above HighBit is how signed values are usually written
    if ((bits & outside) !== 0 && ((value << below) & all) !== bits) {
      dirty++;
      // padding is often written with no regard to BitsStored
      const asAllocated = signed ? (bits << (32 - width)) >> (32 - width) : bits;
      isPadding ||= asAllocated >= paddingLow && asAllocated <= paddingHigh;
    }
    if (isPadding) padded++;
    hu[i] = isPadding && padding === 'air' ? AIR_HU : value * rescaleSlope + rescaleIntercept;
  }
  if (dirty > 0) {
    const bits = `the ${bitsStored} that end at bit ${highBit}`;
    report('bits-outside-stored', `pixels use bits beside ${bits}, which are left out of account`, dirty);
  }
  if (padded > 0) {
    const what = padding === 'air' ? `set to ${AIR_HU} HU` : 'rescaled as all others';
    report('pixel-padding', `pixels hold the padding value and are ${what}`, padded);
  }
  return hu;
}
