import { DataError, type DataLocation } from '../../base/errors';
import type { CodestreamEncoding } from '../transfer_syntax';
import { codestreamEnd, unboxed } from './codestream_end';

/** A codestream's header. */
export interface CodestreamHeader {
  rows: number;
  columns: number;
  components: number;
  /** Bits per sample. */
  precision: number;
  /** Whether samples are signed; only JPEG 2000 states it. */
  signed?: boolean;
  /** The codestream up to its end marker. */
  codestream: Uint8Array;
}

/** Frame markers of the JPEG processes of each encoding. */
const FRAMES: Record<string, readonly number[]> = {
  'jpeg-baseline': [0xc0, 0xc1],
  'jpeg-lossless': [0xc3],
  'jpeg-ls': [0xf7],
};

/**
 * Reads a codestream's header.
 *
 * @throws DataError if it is of another kind, has no end, or needs a feature that its codec does not support.
 */
export function readCodestreamHeader(
  bytes: Uint8Array,
  encoding: CodestreamEncoding,
  where: DataLocation,
): CodestreamHeader {
  let header: FoundHeader;
  let stream = bytes;
  try {
    if (encoding === 'jpeg-2000') stream = unboxed(bytes);
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    header = encoding === 'jpeg-2000' ? readSiz(view) : readFrame(view, encoding);
  } catch (error) {
    const reason = error instanceof RangeError ? 'it ends too early' : (error as Error).message;
    throw new DataError(`the ${encoding} codestream cannot be decoded: ${reason}`, where, { cause: error });
  }
  const end = codestreamEnd(stream, encoding);
  if (end === undefined) {
    throw new DataError(`the ${encoding} codestream is truncated: it has no end marker`, where);
  }
  return { ...header, codestream: stream.subarray(0, end) };
}

type FoundHeader = Omit<CodestreamHeader, 'codestream'>;

/** JPEG 2000's SIZ segment, which follows the start marker. */
function readSiz(view: DataView): FoundHeader {
  if (view.getUint32(0) !== 0xff4fff51) throw new Error('it does not start with SOC and SIZ');
  const [right, bottom, left, top] = [8, 12, 16, 20].map((at) => view.getUint32(at)) as [
    number,
    number,
    number,
    number,
  ];
  const components = view.getUint16(40);
  const depth = view.getUint8(42);
  if (view.getUint8(43) !== 1 || view.getUint8(44) !== 1) throw new Error('its samples are subsampled');
  return {
    rows: bottom - top,
    columns: right - left,
    components,
    precision: (depth & 0x7f) + 1,
    signed: (depth & 0x80) !== 0,
  };
}

/** JPEG's and JPEG-LS's frame header, and the scan header after it. */
function readFrame(view: DataView, encoding: string): FoundHeader {
  if (view.getUint16(0) !== 0xffd8) throw new Error('it does not start with SOI');
  const lossless = encoding === 'jpeg-lossless';
  let found: FoundHeader | undefined;
  for (let at = 2; ;) {
    if (view.getUint8(at) !== 0xff) throw new Error(`there is no marker at byte ${at}`);
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++; // markers may have any number of 0xff before them
      continue;
    }
    const length = view.getUint16(at + 2);
    if (marker === 0xda) {
      // the last byte of a scan header contains the point transform
      const transform = view.getUint8(at + 1 + length) & 0x0f;
      if (lossless && transform !== 0) throw new Error('its samples have a point transform');
      if (found === undefined) throw new Error('its scan comes before its frame');
      return found;
    }
    if (lossless && marker === 0xdd && view.getUint16(at + 4) !== 0) {
      throw new Error('it has restart intervals, which the decoder does not decode reliably');
    }
    if (FRAMES[encoding]!.includes(marker)) {
      if (found !== undefined) throw new Error('it has several frames');
      found = {
        precision: view.getUint8(at + 4),
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        components: view.getUint8(at + 9),
      };
      if (encoding === 'jpeg-baseline' && found.precision !== 8) {
        throw new Error(`its samples have ${found.precision} bits, but the decoder supports 8`);
      }
    } else if (isFrame(marker)) {
      throw new Error(`it is of another JPEG process (SOF marker ${marker.toString(16)})`);
    }
    if (length < 2) throw new Error(`the segment at byte ${at} has no length`);
    at += 2 + length;
  }
}

/** Start-of-frame markers, which exclude C4, C8 and CC. */
const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
