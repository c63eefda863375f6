import type { DataLocation } from '../../base/errors';
import { parseDicom, type ParsedDicom } from '../../dicom/dicom_header';
import { readFileBytes } from './file_bytes';

/**
 * Reads and parses a whole DICOM file.
 *
 * @throws DataError if it cannot be read or does not parse.
 */
export async function readDicom(file: string, where: DataLocation): Promise<ParsedDicom> {
  const bytes = await readFileBytes(file, 'DICOM', where);
  return parseDicom(bytes, where, bytes.length);
}
