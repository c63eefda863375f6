import { readFile, stat } from 'node:fs/promises';
import { DataError, type DataLocation } from '../errors';

/** Larger than any slice of a CT in any format; keeps a wrong file from filling the memory. */
export const MAX_FILE_BYTES = 512 * 2 ** 20;

/**
 * The bytes of a file that holds one slice.
 *
 * @param kind - What the file should be, for messages.
 * @throws DataError when it is missing, no regular file, or too large.
 */
export async function readFileBytes(
  file: string,
  kind: 'image' | 'DICOM',
  location: DataLocation,
): Promise<Buffer> {
  try {
    // asked before opening, which would wait forever on a pipe
    const found = await stat(file);
    if (!found.isFile())
      throw new DataError(
        `expected ${kind === 'image' ? 'an' : 'a'} ${kind} file, found something else`,
        location,
      );
    if (found.size > MAX_FILE_BYTES) {
      throw new DataError(`the ${kind} file has ${found.size} bytes, more than ${MAX_FILE_BYTES}`, location);
    }
    return await readFile(file);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`the ${kind} file cannot be read: ${(error as Error).message}`, location, {
      cause: error,
    });
  }
}
