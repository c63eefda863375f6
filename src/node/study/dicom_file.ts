import { open, type FileHandle } from 'node:fs/promises';
import type { DataLocation } from '../../base/errors';
import { fileSize, unreadable } from '../files/file_bytes';
import type { DicomHeader } from '../../dicom/dicom_header';
import { readHeaders } from '../../dicom/files/file_headers';

/**
 * Reads the header of a DICOM file, without reading the whole file. For a multi-frame file it is that of the first
 * frame.
 *
 * @param file - Path of the file.
 * @throws DataError if the file cannot be read, does not parse, contains no image or is truncated.
 * @example
 * ```ts
 * const { seriesDescription, pixels } = await readDicomHeader('study/IM0001.dcm');
 * ```
 */
export async function readDicomHeader(file: string): Promise<DicomHeader> {
  return (await headersOf(file, { file }, true))![0]!;
}

/**
 * {@link readDicomHeader} for all frames of a file that may be of another kind.
 *
 * @param mustBeDicom - Whether a file other than DICOM is an error; otherwise it gives undefined.
 */
export async function headersOf(
  path: string,
  where: DataLocation,
  mustBeDicom: boolean,
): Promise<readonly DicomHeader[] | undefined> {
  return withFile(path, where, (handle, size) =>
    readHeaders({ size, start: (length) => readStart(handle, length) }, where, mustBeDicom),
  );
}

async function withFile<T>(
  path: string,
  where: DataLocation,
  use: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    const size = await fileSize(path, 'DICOM', where);
    handle = await open(path);
    return await use(handle, size);
  } catch (error) {
    throw unreadable(error, 'DICOM', where);
  } finally {
    await handle?.close();
  }
}

/** The first `length` bytes, fewer if the file has become shorter. */
async function readStart(handle: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
