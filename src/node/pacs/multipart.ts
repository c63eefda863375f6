import { randomUUID } from 'node:crypto';
import { getMultipartBoundary, parseMultipartStream } from '@remix-run/multipart-parser';
import { CtMultilabelError } from '../../base/errors';
import { MAX_FILE_BYTES } from '../../base/file_progress';

/**
 * The parts of a multipart response, one in memory at a time.
 *
 * @throws CtMultilabelError for a response of another type; the parser's error for one that is cut short.
 */
export async function* partsOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const type = response.headers.get('Content-Type') ?? '';
  const boundary = /^multipart\/related/i.test(type) ? getMultipartBoundary(type)?.trim() : undefined;
  if (!boundary || response.body === null) {
    throw new CtMultilabelError(`expected a response of type multipart/related, received '${type}'`);
  }
  const parts = parseMultipartStream(response.body, {
    boundary,
    maxFileSize: MAX_FILE_BYTES,
    maxParts: Infinity,
    maxTotalSize: Infinity,
  });
  for await (const part of parts) yield part.bytes;
}

/** DICOM objects as the body of a request, and its Content-Type. */
export function multipartOf(objects: readonly Uint8Array[]): { type: string; body: Blob } {
  const boundary = randomUUID();
  const head = `--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`;
  const body = new Blob([
    ...objects.flatMap((bytes) => [head, bytes as BlobPart, '\r\n']),
    `--${boundary}--\r\n`,
  ]);
  return { type: `multipart/related; type="application/dicom"; boundary=${boundary}`, body };
}
