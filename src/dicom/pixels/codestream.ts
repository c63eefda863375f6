import { DataError, type DataLocation } from '../../base/errors';
import { readCodestreamHeader, type CodestreamHeader } from './codestream_header';
import type { DicomPixelFormat } from './pixel_format';
import type { ReportProblem } from '../problems';
import type { CodestreamEncoding } from '../transfer_syntax';
import { decodeWithWasm } from './wasm_decoder';

/**
 * Decodes a JPEG, JPEG-LS or JPEG 2000 codestream to its values, 8 or 16 bits each, as unsigned integers.
 *
 * Its header is checked against that of the file before memory is allocated.
 *
 * @throws DataError if the codestream contradicts the file's header, is truncated, or cannot be decoded.
 */
export async function decodeCodestream(
  codestream: Uint8Array,
  encoding: CodestreamEncoding,
  format: DicomPixelFormat,
  where: DataLocation,
  report: ReportProblem,
): Promise<Uint8Array | Uint16Array> {
  const header = readCodestreamHeader(codestream, encoding, where);
  checkHeader(header, format, where);
  const { bitsStored, signed } = format;
  if (header.precision < bitsStored || (header.signed ?? signed) !== signed) {
    const found = `${header.signed ? 'signed' : 'unsigned'} ${header.precision}-bit`;
    const said = `${signed ? 'signed' : 'unsigned'} ${bitsStored}-bit`;
    report(
      'codestream-mismatch',
      `the codestream has ${found} samples, but the header states ${said}, which is used`,
    );
  }
  let samples: Uint8Array | Uint16Array;
  try {
    samples =
      encoding === 'jpeg-lossless'
        ? await decodeLossless(header.codestream)
        : await decodeOther(header, encoding);
  } catch (error) {
    const message = `the ${encoding} pixels cannot be decoded: ${(error as Error).message}`;
    throw new DataError(message, where, { cause: error });
  }
  const expected = format.rows * format.columns;
  if (samples.length !== expected) {
    throw new DataError(`the codestream has ${samples.length} samples, expected ${expected}`, where);
  }
  return samples;
}

function checkHeader(header: CodestreamHeader, format: DicomPixelFormat, where: DataLocation): void {
  const { rows, columns, bitsAllocated } = format;
  if (header.rows !== rows || header.columns !== columns) {
    const found = `${header.rows} x ${header.columns}`;
    throw new DataError(`the codestream is ${found}, but the header states ${rows} x ${columns}`, where);
  }
  if (header.components !== 1) {
    throw new DataError(`the codestream has ${header.components} components, expected 1`, where);
  }
  if (header.precision > bitsAllocated) {
    throw new DataError(
      `the codestream has ${header.precision} bits, more than the ${bitsAllocated} allocated`,
      where,
    );
  }
}

async function decodeOther(
  { codestream, precision, rows, columns }: CodestreamHeader,
  encoding: Exclude<CodestreamEncoding, 'jpeg-lossless'>,
): Promise<Uint8Array | Uint16Array> {
  const { bytes, ...decoded } = await decodeWithWasm(encoding, codestream);
  if (decoded.rows !== rows || decoded.columns !== columns || decoded.components !== 1) {
    throw new Error(`the codec returned ${decoded.rows} x ${decoded.columns} x ${decoded.components}`);
  }
  return precision <= 8
    ? bytes
    : new Uint16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 2));
}

/**
 * Zeros added before the end marker: without them the decoder loses a last pixel whose code ends at a byte boundary.
 */
const PADDING = 16;

/** Most padding that it reads: a code of up to 32 bits beyond the last pixel, and 2 bytes ahead. */
const READ_AHEAD = 8;

async function decodeLossless(codestream: Uint8Array): Promise<Uint8Array | Uint16Array> {
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  const end = codestream.length - 2;
  const padded = new Uint8Array(codestream.length + PADDING);
  padded.set(codestream.subarray(0, end));
  padded.set(codestream.subarray(end), end + PADDING);
  const decoder = new Decoder();
  // the decoder's own version keeps halves, which are rounded the wrong way if a value wraps below zero
  decoder.select7 = (component) => (decoder.getPreviousX(component) + decoder.getPreviousY(component)) >> 1;
  const samples = decoder.decode(padded.buffer, 0, padded.length);
  if (samples === null || (decoder.stream?.index ?? 0) > end + READ_AHEAD) {
    throw new Error('it is truncated');
  }
  return samples;
}
