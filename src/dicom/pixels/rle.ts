import { DataError, type DataLocation } from '../../base/errors';
import type { DicomPixelFormat } from './pixel_format';

/** Bytes of the header: the number of segments, and the offsets of up to 15 segments. */
const HEADER_BYTES = 64;

/** Most bytes that two bytes of a segment can expand to. */
const LONGEST_RUN = 128;

/**
 * Decodes a frame of DICOM's RLE (PS3.5, annex G): one segment of PackBits for each byte of a pixel, the most
 * significant first.
 *
 * @throws DataError if a segment lies outside the frame, or does not have exactly the bytes of the image.
 */
export function decodeRle(
  frame: Uint8Array,
  { rows, columns, bitsAllocated }: DicomPixelFormat,
  where: DataLocation,
): Uint8Array | Uint16Array {
  const count = bitsAllocated / 8;
  const pixels = rows * columns;
  if (frame.length < HEADER_BYTES) throw new DataError('the RLE frame is shorter than its header', where);
  const header = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  if (header.getUint32(0, true) !== count) {
    const found = header.getUint32(0, true);
    throw new DataError(
      `the RLE frame has ${found} segments, expected ${count} for ${bitsAllocated} bits`,
      where,
    );
  }
  const starts = Array.from({ length: count }, (_, i) => header.getUint32(4 * (i + 1), true));
  starts.push(frame.length);
  for (let i = 0; i < count; i++) {
    if (starts[i]! < HEADER_BYTES || starts[i]! > starts[i + 1]!) {
      throw new DataError(
        `segment ${i + 1} of the RLE frame begins at byte ${starts[i]}, outside the frame`,
        where,
      );
    }
    // before the image is allocated
    if ((starts[i + 1]! - starts[i]!) * LONGEST_RUN < pixels * 2) {
      throw new DataError(
        `segment ${i + 1} of the RLE frame is too short for ${rows} x ${columns} pixels`,
        where,
      );
    }
  }
  const out = count === 1 ? new Uint8Array(pixels) : new Uint16Array(pixels);
  const segment = new Uint8Array(pixels);
  for (let i = 0; i < count; i++) {
    unpackBits(frame.subarray(starts[i], starts[i + 1]), segment, where);
    for (let p = 0; p < pixels; p++) out[p] = (out[p]! << 8) | segment[p]!;
  }
  return out;
}

/** Fills `out` from PackBits; bytes after that are padding. */
function unpackBits(packed: Uint8Array, out: Uint8Array, where: DataLocation): void {
  let at = 0;
  let filled = 0;
  while (filled < out.length) {
    if (at >= packed.length) throw new DataError('a segment of the RLE frame ends too early', where);
    const control = packed[at++]!;
    if (control === 128) continue; // no operation
    const isLiteral = control < 128;
    const length = isLiteral ? control + 1 : 257 - control;
    const taken = isLiteral ? length : 1;
    if (filled + length > out.length || at + taken > packed.length) {
      throw new DataError('a run of the RLE frame extends beyond the image or its segment', where);
    }
    if (isLiteral) out.set(packed.subarray(at, at + length), filled);
    else out.fill(packed[at]!, filled, filled + length);
    at += taken;
    filled += length;
  }
}
