import { Inflate } from 'fflate';
import { DataError, type DataLocation } from '../base/errors';
import { ElementSet } from './element_set';
import { isExplicit, PIXEL_DATA, readElements, type ElementLayout, type RawElements } from './elements';
import {
  DEFLATED_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  transferSyntax,
  type TransferSyntax,
} from './transfer_syntax';

/**
 * Most bytes before the pixels. Far above real headers; prevents a file of millions of empty elements from
 * filling the memory.
 */
export const MAX_HEADER_BYTES = 8 * 2 ** 20;

/** Most bytes of an inflated file: a header, and 64 megapixels of 16 bits. */
const MAX_INFLATED_BYTES = MAX_HEADER_BYTES + 128e6;

/** Position of the pixels in the bytes of a {@link DicomDataSet}. */
export interface PixelDataPlace {
  offset: number;
  /** Undefined for pixels in fragments, which end with a delimiter. */
  length?: number;
}

/** The elements of a file up to its pixels. */
export class DicomDataSet extends ElementSet {
  private constructor(
    bytes: Uint8Array,
    raw: RawElements,
    where: DataLocation,
    readonly syntax: TransferSyntax,
    /** How the elements and the pixels are encoded, which may differ from the transfer syntax. */
    readonly layout: ElementLayout,
    /** SOP class from the file meta information. */
    readonly mediaClass: string | undefined,
  ) {
    super(bytes, raw, where);
  }

  /**
   * Parses up to the pixels.
   *
   * @param bytes - A file or its beginning, with or without preamble and file meta information.
   * @throws DataError if it does not parse, or has an unsupported transfer syntax.
   */
  static parse(bytes: Uint8Array, where: DataLocation): DicomDataSet {
    const start = dicomStart(bytes);
    if (start === undefined) {
      throw new DataError('the file is not DICOM: no DICM at byte 128, and no data set at its start', where);
    }
    try {
      const { uid, mediaClass, end } = readMeta(bytes, start, where);
      let whole = bytes;
      if (uid === DEFLATED_LITTLE_ENDIAN) whole = inflate(bytes, end);
      const head = whole.subarray(0, MAX_HEADER_BYTES);
      const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
      const layout = layoutAt(view, end, uid);
      const syntax = transferSyntax(uid ?? uidOf(layout), where);
      const raw = readElements(view, end, head.length, layout);
      return new DicomDataSet(whole, raw, where, syntax, layout, mediaClass);
    } catch (error) {
      if (error instanceof DataError) throw error;
      const message = `the file does not parse as DICOM: ${(error as Error).message}`;
      throw new DataError(message, where, { cause: error });
    }
  }

  /** Position of the pixels; undefined if there are none, or the bytes end before them. */
  get pixelData(): PixelDataPlace | undefined {
    const element = this.raw.elements.get(PIXEL_DATA);
    if (element === undefined) return undefined;
    const { offset, length } = element;
    return length === undefined ? { offset } : { offset, length };
  }

  /** Whether the encoding of the data set differs from its transfer syntax. */
  get isMislabelled(): boolean {
    const { explicit, littleEndian } = this.layout;
    return (
      explicit !== (this.syntax.uid !== IMPLICIT_LITTLE_ENDIAN) ||
      littleEndian !== (this.syntax.uid !== EXPLICIT_BIG_ENDIAN)
    );
  }
}

/** Whether the bytes begin like a DICOM file with preamble. */
export function hasDicomMagic(bytes: Uint8Array): boolean {
  return hasMagicAt(bytes, 128);
}

/** Whether a file's first bytes look like DICOM, with or without preamble. */
export function looksLikeDicom(bytes: Uint8Array): boolean {
  return dicomStart(bytes) !== undefined;
}

const hasMagicAt = (bytes: Uint8Array, at: number) =>
  bytes.length >= at + 4 && [0x44, 0x49, 0x43, 0x4d].every((letter, i) => bytes[at + i] === letter);

/** Longest first value of a data set without preamble; anything longer indicates another kind of file. */
const LONGEST_FIRST = 4096;

/** Offset of the first element: after the magic number, or 0 for a file without preamble. */
function dicomStart(bytes: Uint8Array): number | undefined {
  if (hasMagicAt(bytes, 128)) return 132;
  if (hasMagicAt(bytes, 0)) return 4;
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = view.getUint8(0) !== 0;
  const group = view.getUint16(0, littleEndian);
  if (group !== 8 && !(group === 2 && littleEndian)) return undefined;
  const length = isExplicit(view, 0) ? 0 : view.getUint32(4, littleEndian);
  return length <= LONGEST_FIRST ? 0 : undefined;
}

/** The file meta information, which is always explicit little endian; it may be missing. */
function readMeta(bytes: Uint8Array, start: number, where: DataLocation) {
  const head = bytes.subarray(0, MAX_HEADER_BYTES);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const layout = { explicit: true, littleEndian: true };
  if (start + 8 > head.length || view.getUint16(start, true) !== 2) {
    if (start > 4) throw new DataError('the file has no TransferSyntaxUID', where);
    return { uid: undefined, mediaClass: undefined, end: start };
  }
  const raw = readElements(view, start, head.length, layout, (group) => group !== 2);
  const meta = new ElementSet(head, raw, where);
  const uid = meta.text('x00020010');
  if (uid === undefined) throw new DataError('the file has no TransferSyntaxUID', where);
  return { uid, mediaClass: meta.text('x00020002'), end: raw.end };
}

/**
 * Encoding of the data set according to its first element: some writers use implicit elements under an explicit syntax
 * and vice versa. The first group is low, so that the byte order that gives the smaller number is correct.
 */
function layoutAt(view: DataView, at: number, uid: string | undefined): ElementLayout {
  if (at + 8 > view.byteLength) {
    return { explicit: uid !== IMPLICIT_LITTLE_ENDIAN, littleEndian: uid !== EXPLICIT_BIG_ENDIAN };
  }
  const littleEndian = view.getUint16(at, true) <= view.getUint16(at, false);
  return { explicit: isExplicit(view, at), littleEndian };
}

const uidOf = ({ explicit, littleEndian }: ElementLayout) =>
  !littleEndian ? EXPLICIT_BIG_ENDIAN : explicit ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN;

/** The first `position` bytes and the inflated rest, as far as available. */
function inflate(bytes: Uint8Array, position: number): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, position)];
  let length = position;
  const stream = new Inflate((part) => {
    length += part.length;
    if (length > MAX_INFLATED_BYTES) throw new Error(`it inflates to more than ${MAX_INFLATED_BYTES} bytes`);
    parts.push(part);
  });
  // in pieces, so that a small file cannot fill the memory before the limit is checked
  for (let start = position; start < bytes.length; start += DEFLATED_PIECE) {
    stream.push(bytes.subarray(start, start + DEFLATED_PIECE));
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Bytes inflated at a time. */
const DEFLATED_PIECE = 2 ** 16;
