import { open, type FileHandle } from 'node:fs/promises';
import { DataError, type DataLocation } from '../../base/errors';
import { fileSize, unreadable } from '../files/file_bytes';
import { hasDicomMagic, looksLikeDicom, MAX_HEADER_BYTES } from '../../dicom/data_set';
import { parseDicom, type DicomHeader, type ParsedDicom } from '../../dicom/dicom_header';

/** How much of a file is read for its header: most have a few thousand bytes, and the next is tried if it was more. */
const HEADER_READS = [64 * 2 ** 10, 2 ** 20, MAX_HEADER_BYTES];

/**
 * Reads the header of a DICOM file, and of the file only as much as that takes. Of a file of several frames it is the first
 * frame's.
 *
 * @param file - Path of the file.
 * @throws DataError when the file cannot be read, does not parse, holds no image or is cut short.
 * @example
 * ```ts
 * const { seriesDescription, pixels } = await readDicomHeader('study/IM0001.dcm');
 * ```
 */
export async function readDicomHeader(file: string): Promise<DicomHeader> {
  return (await headersOf(file, { file }, true))![0]!;
}

/**
 * {@link readDicomHeader} for every frame of a file that may be something else.
 *
 * @param mustBeDicom - Whether a file that is no DICOM is an error; otherwise it gives undefined.
 */
export async function headersOf(
  path: string,
  where: DataLocation,
  mustBeDicom: boolean,
): Promise<readonly DicomHeader[] | undefined> {
  return withFile(path, where, async (handle, size) => {
    for (const most of HEADER_READS) {
      const bytes = await readStart(handle, Math.min(most, size));
      if (!mustBeDicom && !looksLikeDicom(bytes)) return undefined;
      try {
        return allHeaders(parseDicom(bytes, where, size), where);
      } catch (error) {
        // what is wrong may be that the bytes end too early
        if (most < Math.min(size, MAX_HEADER_BYTES)) continue;
        // without the magic number the first bytes may be alike by chance
        if (error instanceof DataError && !mustBeDicom && !hasDicomMagic(bytes)) return undefined;
        throw error;
      }
    }
    throw new Error('unreachable: the last read throws or returns');
  });
}

function allHeaders({ header }: ParsedDicom, where: DataLocation): DicomHeader[] {
  const first = header(0, where);
  const others = Array.from({ length: first.pixels.frames - 1 }, (_, i) => header(i + 1, where));
  return [first, ...others];
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
