import { DataError, type DataLocation } from '../base/errors';

/** Encodings as a codestream of a JPEG standard. */
export type CodestreamEncoding = 'jpeg-baseline' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg-2000';

/** Encodings of pixels. */
export type PixelEncoding = 'uncompressed' | 'rle' | CodestreamEncoding;

/** A supported transfer syntax. */
export interface TransferSyntax {
  uid: string;
  name: string;
  encoding: PixelEncoding;
}

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const DEFLATED_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';

const READABLE: Record<string, [name: string, encoding: PixelEncoding]> = {
  [IMPLICIT_LITTLE_ENDIAN]: ['Implicit VR Little Endian', 'uncompressed'],
  [EXPLICIT_LITTLE_ENDIAN]: ['Explicit VR Little Endian', 'uncompressed'],
  [EXPLICIT_BIG_ENDIAN]: ['Explicit VR Big Endian (retired)', 'uncompressed'],
  [DEFLATED_LITTLE_ENDIAN]: ['Deflated Explicit VR Little Endian', 'uncompressed'],
  '1.2.840.10008.1.2.4.50': ['JPEG Baseline (Process 1)', 'jpeg-baseline'],
  // supported with samples of 8 bits; the codec refuses 12 bits
  '1.2.840.10008.1.2.4.51': ['JPEG Extended (Process 2 and 4)', 'jpeg-baseline'],
  '1.2.840.10008.1.2.4.57': ['JPEG Lossless (Process 14)', 'jpeg-lossless'],
  '1.2.840.10008.1.2.4.70': ['JPEG Lossless (Process 14, Selection Value 1)', 'jpeg-lossless'],
  '1.2.840.10008.1.2.4.80': ['JPEG-LS Lossless', 'jpeg-ls'],
  '1.2.840.10008.1.2.4.81': ['JPEG-LS Near-Lossless', 'jpeg-ls'],
  '1.2.840.10008.1.2.4.90': ['JPEG 2000 Lossless', 'jpeg-2000'],
  '1.2.840.10008.1.2.4.91': ['JPEG 2000', 'jpeg-2000'],
  '1.2.840.10008.1.2.5': ['RLE Lossless', 'rle'],
};

/** Known but unsupported. */
const OTHERS: Record<string, string> = {
  '1.2.840.10008.1.2.1.98': 'Encapsulated Uncompressed Explicit VR Little Endian',
  '1.2.840.10008.1.2.4.92': 'JPEG 2000 Part 2 Multi-component Lossless',
  '1.2.840.10008.1.2.4.93': 'JPEG 2000 Part 2 Multi-component',
  '1.2.840.10008.1.2.4.94': 'JPIP Referenced',
  '1.2.840.10008.1.2.4.95': 'JPIP Referenced Deflate',
  '1.2.840.10008.1.2.4.100': 'MPEG2 Main Profile / Main Level',
  '1.2.840.10008.1.2.4.101': 'MPEG2 Main Profile / High Level',
  '1.2.840.10008.1.2.4.102': 'MPEG-4 AVC/H.264 High Profile',
  '1.2.840.10008.1.2.4.107': 'HEVC/H.265 Main Profile',
  '1.2.840.10008.1.2.4.110': 'JPEG XL Lossless',
  '1.2.840.10008.1.2.4.111': 'JPEG XL JPEG Recompression',
  '1.2.840.10008.1.2.4.112': 'JPEG XL',
  '1.2.840.10008.1.2.4.201': 'High-Throughput JPEG 2000 Lossless',
  '1.2.840.10008.1.2.4.202': 'High-Throughput JPEG 2000 RPCL Lossless',
  '1.2.840.10008.1.2.4.203': 'High-Throughput JPEG 2000',
};

/** @throws DataError with the UID, and its name if known, for an unsupported syntax. */
export function transferSyntax(uid: string, where: DataLocation): TransferSyntax {
  const readable = Object.hasOwn(READABLE, uid) ? READABLE[uid] : undefined;
  if (readable !== undefined) return { uid, name: readable[0], encoding: readable[1] };
  const name = Object.hasOwn(OTHERS, uid) ? OTHERS[uid]! : 'unknown';
  throw new DataError(`the transfer syntax ${JSON.stringify(uid)} (${name}) is not supported`, where);
}
