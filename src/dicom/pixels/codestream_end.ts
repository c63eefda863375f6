import type { CodestreamEncoding } from '../transfer_syntax';

const MARKER = 0xff;
const END_OF_IMAGE = 0xd9; // in all of these standards
const START_OF_SCAN = 0xda;
const START_OF_TILE = 0x90;

/** Padding after an odd codestream: the standard's byte, and another one that writers use. */
const PADDING: readonly number[] = [0, 0xff];

/** Beginning of a JP2 file: a box of 12 bytes, `jP  `. */
const JP2 = [0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20];

/**
 * Offset after a codestream's end marker; other data may follow in the fragment (padding, line ends, the rest of a
 * buffer). Found by parsing the codestream, since that data may contain the same two bytes.
 *
 * @returns undefined if there is no end marker.
 */
export function codestreamEnd(bytes: Uint8Array, encoding: CodestreamEncoding): number | undefined {
  const walked = encoding === 'jpeg-2000' ? endOfTiles(bytes) : endOfScans(bytes, encoding);
  if (walked !== undefined) return walked;
  let end = bytes.length;
  while (end > 0 && PADDING.includes(bytes[end - 1]!)) end--;
  return end >= 4 && bytes[end - 2] === MARKER && bytes[end - 1] === END_OF_IMAGE ? end : undefined;
}

/**
 * The JPEG 2000 codestream in a JP2 file, or the bytes unchanged if they are not a JP2 file.
 *
 * @throws Error for a JP2 file without codestream.
 */
export function unboxed(bytes: Uint8Array): Uint8Array {
  if (!JP2.every((byte, i) => bytes[i] === byte)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length;) {
    const short = view.getUint32(at);
    const head = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? bytes.length - at : short;
    if (length < head) break;
    if (view.getUint32(at + 4) === 0x6a703263) return bytes.subarray(at + head, at + length); // jp2c
    at += length;
  }
  throw new Error('it is a JP2 file without a codestream');
}

/** JPEG and JPEG-LS: segments of known length, and scans in which a marker cannot occur. */
function endOfScans(bytes: Uint8Array, encoding: CodestreamEncoding): number | undefined {
  // the byte after 0xff in a scan: JPEG stuffs a zero, JPEG-LS a bit; restart markers have no length
  const isStuffed = (byte: number) =>
    (encoding === 'jpeg-ls' ? byte < 0x80 : byte === 0) || (byte >= 0xd0 && byte <= 0xd7);
  let inScan = false;
  for (let at = 2; at + 1 < bytes.length;) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== MARKER || (inScan && isStuffed(marker))) {
      if (!inScan) return undefined;
      at++;
    } else if (marker === MARKER) {
      at++; // markers may have any number of 0xff before them
    } else if (marker === END_OF_IMAGE) {
      return at + 2;
    } else {
      if (at + 3 >= bytes.length) return undefined;
      inScan = marker === START_OF_SCAN;
      at += 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    }
  }
  return undefined;
}

/** JPEG 2000: a header of segments, and tile parts with stated lengths. */
function endOfTiles(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 1 < bytes.length && bytes[at] === MARKER;) {
    const marker = bytes[at + 1]!;
    if (marker === END_OF_IMAGE) return at + 2;
    if (marker === START_OF_TILE) {
      if (at + 12 > bytes.length) return undefined;
      const length = view.getUint32(at + 6);
      if (length < 12) return undefined; // extends to the end, which the last marker shows
      at += length;
    } else {
      if (at + 4 > bytes.length) return undefined;
      at += 2 + view.getUint16(at + 2);
    }
  }
  return undefined;
}
