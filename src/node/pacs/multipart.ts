import { randomUUID } from 'node:crypto';
import { getMultipartBoundary, parseMultipartStream } from '@remix-run/multipart-parser';
import { CtMultilabelError } from '../../base/errors';
import { MAX_FILE_BYTES } from '../../base/file_progress';

/**
 * The parts of a multipart response, one in memory at a time.
 *
 * @throws CtMultilabelError for a response of another type or without parts; the parser's error for a truncated
 * response.
 */
export async function* partsOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const type = response.headers.get('Content-Type') ?? '';
  const boundary = /^multipart\/related/i.test(type) ? getMultipartBoundary(type)?.trim() : undefined;
  if (!boundary || response.body === null) {
    throw new CtMultilabelError(`expected a response of type multipart/related, received '${type}'`);
  }
  const parts = parseMultipartStream(response.body.pipeThrough(fromBoundary(boundary)), {
    boundary,
    maxFileSize: MAX_FILE_BYTES,
    maxParts: Infinity,
    maxTotalSize: Infinity,
  });
  for await (const part of parts) yield part.bytes;
}

/** Most bytes before the first part, far above the usual line or two. */
const MOST_PREAMBLE = 65536;

/** Removes the preamble of a body before its first boundary, such as an empty line (RFC 2046, 5.1.1). */
function fromBoundary(boundary: string): TransformStream<Uint8Array, Uint8Array> {
  // at the beginning of a line, and not a prefix of a longer boundary
  const line = new RegExp(`(?:^|\\r\\n)--${boundary.replace(/\W/g, '\\$&')}(?=--|[ \\t]*\\r\\n)`);
  let before: Buffer | undefined = Buffer.alloc(0);
  return new TransformStream({
    transform: (chunk, controller) => {
      if (before === undefined) return controller.enqueue(chunk);
      before = Buffer.concat([before, chunk]);
      const found = line.exec(before.toString('latin1'));
      if (found) {
        controller.enqueue(before.subarray(found.index + (found[0].startsWith('-') ? 0 : 2)));
        before = undefined;
      } else if (before.length > MOST_PREAMBLE) {
        throw new CtMultilabelError(
          `expected the boundary of a multipart response within ${MOST_PREAMBLE} bytes`,
        );
      }
    },
    flush: (controller) => {
      if (before !== undefined) controller.enqueue(before);
    },
  });
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
