import { readFile, stat } from 'node:fs/promises';
import { DataError, type DataLocation } from '../../base/errors';
import { MAX_FILE_BYTES } from '../../base/file_progress';

export type { FileProgress, SkippedFile } from '../../base/file_progress';

/** Expected kind of a file, for messages. */
export type FileKind = 'image' | 'DICOM';

/**
 * Size of a file to be read. Checked before opening, which would block forever on a pipe.
 *
 * @throws DataError if it is not a regular file, or too large.
 */
export async function fileSize(file: string, kind: FileKind, location: DataLocation): Promise<number> {
  const found = await stat(file);
  if (!found.isFile()) {
    const expected = kind === 'image' ? 'an image' : `a ${kind}`;
    throw new DataError(`expected ${expected} file, found something else`, location);
  }
  if (found.size > MAX_FILE_BYTES) {
    throw new DataError(`the ${kind} file has ${found.size} bytes, more than ${MAX_FILE_BYTES}`, location);
  }
  return found.size;
}

/**
 * The bytes of a slice's file.
 *
 * @throws DataError if it is missing, not a regular file, or too large.
 */
export async function readFileBytes(file: string, kind: FileKind, location: DataLocation): Promise<Buffer> {
  try {
    await fileSize(file, kind, location);
    return await readFile(file);
  } catch (error) {
    throw unreadable(error, kind, location);
  }
}

/** Converts an error of the file system to a DataError; other DataErrors are unchanged. */
export function unreadable(error: unknown, kind: FileKind, location: DataLocation): DataError {
  if (error instanceof DataError) return error;
  return new DataError(`the ${kind} file cannot be read: ${(error as Error).message}`, location, {
    cause: error,
  });
}
