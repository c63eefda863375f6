import dicomParser, { type DataSet, type Element } from 'dicom-parser';
import { Inflate } from 'fflate';
import { DataError, type DataLocation } from '../base/errors';
import { decodeText } from './character_set';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  transferSyntax,
  type TransferSyntax,
} from './transfer_syntax';

/**
 * Most bytes before the pixels. Far above real headers; keeps a file made of millions of empty elements from
 * filling the memory with their descriptions.
 */
export const MAX_HEADER_BYTES = 8 * 2 ** 20;

/** Most bytes a deflated file may grow to: a header, and 64 megapixels of 16 bits. */
const MAX_INFLATED_BYTES = MAX_HEADER_BYTES + 128e6;

/** Longest value taken as text or numbers; the longest that is asked for has 64 characters of up to 4 bytes. */
const MAX_TEXT_BYTES = 1024;

/** The last element that is parsed. */
const PIXEL_DATA = 'x7fe00010';

const UNDEFINED_LENGTH = 0xffffffff;

/** Where the pixels are in {@link DicomDataSet.bytes}. */
export interface PixelDataPlace {
  offset: number;
  /** Undefined for pixels in fragments, whose end is marked and not counted. */
  length?: number;
}

/** The elements of a file up to its pixels, with the checks that untrusted files ask for. */
export class DicomDataSet {
  private readonly characterSets: readonly string[];

  private constructor(
    private readonly parsed: DataSet,
    /** The file; inflated if it was deflated. */
    readonly bytes: Uint8Array,
    readonly syntax: TransferSyntax,
    private readonly where: DataLocation,
  ) {
    this.characterSets = [];
    this.characterSets = this.texts('x00080005');
  }

  /**
   * Parses up to the pixels.
   *
   * @param bytes - A file or its beginning. Without preamble it must start with group 0008.
   * @throws DataError when it does not parse, or has a transfer syntax that cannot be read.
   */
  static parse(bytes: Uint8Array, where: DataLocation): DicomDataSet {
    const bare = hasDicomMagic(bytes) ? undefined : bareSyntax(bytes);
    if (bare === undefined && !hasDicomMagic(bytes)) {
      throw new DataError('the file is not DICOM: no DICM at byte 128, and no data set at its start', where);
    }
    const head = bytes.subarray(0, MAX_HEADER_BYTES);
    let whole = bytes;
    try {
      const syntax = transferSyntax(bare ?? namedSyntax(head, where), where);
      const parsed = dicomParser.parseDicom(head, {
        ...(bare !== undefined && { TransferSyntaxUID: bare }),
        untilTag: PIXEL_DATA,
        inflater: (_, position) => {
          whole = inflate(bytes, position);
          return whole.subarray(0, MAX_HEADER_BYTES);
        },
      });
      return new DicomDataSet(parsed, whole, syntax, where);
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw new DataError(`the file does not parse as DICOM: ${reasonOf(error)}`, where, { cause: error });
    }
  }

  /** Where the pixels are; undefined where there are none, or the bytes end before them. */
  get pixelData(): PixelDataPlace | undefined {
    const element = this.parsed.elements[PIXEL_DATA];
    if (element === undefined) return undefined;
    const { dataOffset: offset, length } = element;
    return length === UNDEFINED_LENGTH ? { offset } : { offset, length };
  }

  /** Text, undefined where it is absent or empty. */
  text(tag: string): string | undefined {
    const texts = this.texts(tag).join('\\');
    return texts === '' ? undefined : texts;
  }

  /** Texts between backslashes, without the spaces around them; none where the element is absent or empty. */
  texts(tag: string): string[] {
    const element = this.element(tag);
    if (element === undefined) return [];
    const value = this.bytes.subarray(
      element.dataOffset,
      element.dataOffset + Math.min(element.length, MAX_TEXT_BYTES),
    );
    const text = decodeText(value, this.characterSets);
    return text.split('\\').map((part) => part.replaceAll('\0', '').trim());
  }

  /** Decimal numbers; none where the element is absent or empty, undefined where it holds something else. */
  decimals(tag: string): number[] | undefined {
    const texts = this.texts(tag).filter((text) => text !== '');
    const numbers = texts.map((text) => (DECIMAL.test(text) ? Number(text) : NaN));
    return numbers.every(Number.isFinite) ? numbers : undefined;
  }

  /** The first of an element's 16-bit integers; writers' choice of SS or US is not always the one of the pixels. */
  integer(tag: string, signed = false): number | undefined {
    const element = this.element(tag);
    if (element === undefined) return undefined;
    if (element.length % 2 !== 0) {
      throw new DataError(`${nameOf(tag)} has ${element.length} bytes, expected 16-bit integers`, this.where);
    }
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + element.dataOffset, 2);
    return signed ? view.getInt16(0, true) : view.getUint16(0, true);
  }

  /** An element that has a value, checked to lie inside the bytes: the parser skips over what it does not read. */
  private element(tag: string): Element | undefined {
    const element = this.parsed.elements[tag];
    if (element === undefined || element.length === 0) return undefined;
    if (element.items !== undefined || element.dataOffset + element.length > this.bytes.length) {
      throw new DataError(`${nameOf(tag)} is cut short or is a sequence`, this.where);
    }
    return element;
  }
}

/** Whether the bytes begin as a DICOM file with preamble does. */
export function hasDicomMagic(bytes: Uint8Array): boolean {
  return bytes.length >= 132 && [0x44, 0x49, 0x43, 0x4d].every((letter, i) => bytes[128 + i] === letter);
}

/** A value a DS or IS element may hold. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const nameOf = (tag: string) => `element (${tag.slice(1, 5)},${tag.slice(5)})`;

/** The syntax of a data set without preamble, told by whether a value representation follows its first tag. */
function bareSyntax(bytes: Uint8Array): string | undefined {
  if (bytes.length < 8 || bytes[0] !== 0x08 || bytes[1] !== 0x00) return undefined;
  const isLetter = (byte: number) => byte >= 0x41 && byte <= 0x5a;
  return isLetter(bytes[4]!) && isLetter(bytes[5]!) ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN;
}

/** The syntax that the file's own header names. */
function namedSyntax(head: Uint8Array, where: DataLocation): string {
  const uid = dicomParser.readPart10Header(head).string('x00020010');
  if (uid === undefined) throw new DataError('the file has no TransferSyntaxUID', where);
  return uid;
}

/** The first `position` bytes, and the inflated rest; as much of it as there is where the bytes are a beginning. */
function inflate(bytes: Uint8Array, position: number): Uint8Array {
  const parts: Uint8Array[] = [bytes.subarray(0, position)];
  let length = position;
  const stream = new Inflate((part) => {
    length += part.length;
    if (length > MAX_INFLATED_BYTES) throw new Error(`it inflates to more than ${MAX_INFLATED_BYTES} bytes`);
    parts.push(part);
  });
  // in pieces, so that a small file cannot fill the memory before the limit is seen
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

/** What an exception says; the parser throws texts, errors, and objects that hold either. */
function reasonOf(error: unknown): string {
  const inner = typeof error === 'object' && error !== null && 'exception' in error ? error.exception : error;
  return inner instanceof Error ? inner.message : String(inner);
}
