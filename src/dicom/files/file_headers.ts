import { DataError, type DataLocation } from '../../base/errors';
import { hasDicomMagic, looksLikeDicom, MAX_HEADER_BYTES } from '../data_set';
import { NoImageError, parseDicom, type DicomHeader, type ParsedDicom } from '../dicom_header';

/** Bytes read for a header, in turn until it fits: most headers have a few thousand bytes. */
const HEADER_READS = [64 * 2 ** 10, 2 ** 20, MAX_HEADER_BYTES];

/** Names of files that must be DICOM; other files are recognised by their magic number. */
const DICOM_NAME = /\.(dcm|dicom|ima)$/i;

/** A file whose beginning can be read. */
export interface FileStart {
  size: number;
  /** The first `length` bytes, fewer if the file has become shorter. */
  start(length: number): Promise<Uint8Array>;
}

/**
 * The headers of all images of a file that may be of another kind.
 *
 * @param mustBeDicom - Whether a file other than DICOM is an error; otherwise it gives undefined.
 */
export async function readHeaders(
  { size, start }: FileStart,
  where: DataLocation,
  mustBeDicom: boolean,
): Promise<readonly DicomHeader[] | undefined> {
  for (const most of HEADER_READS) {
    const bytes = await start(Math.min(most, size));
    if (!mustBeDicom && !looksLikeDicom(bytes)) return undefined;
    try {
      return allHeaders(parseDicom(bytes, where, size), where);
    } catch (error) {
      // the bytes may end too early
      if (most < Math.min(size, MAX_HEADER_BYTES)) continue;
      // without the magic number the first bytes may look like DICOM by chance
      if (error instanceof DataError && !mustBeDicom && !hasDicomMagic(bytes)) return undefined;
      throw error;
    }
  }
  throw new Error('unreachable: the last read throws or returns');
}

/** The headers of a file found in a folder; undefined if it is not a DICOM image. */
export async function headersOfFound(
  file: string,
  read: (where: DataLocation, mustBeDicom: boolean) => Promise<readonly DicomHeader[] | undefined>,
): Promise<readonly DicomHeader[] | undefined> {
  const name = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  if (name.toUpperCase() === 'DICOMDIR') return undefined;
  try {
    return await read({ file }, DICOM_NAME.test(name));
  } catch (error) {
    if (error instanceof NoImageError) return undefined;
    throw error;
  }
}

function allHeaders({ header }: ParsedDicom, where: DataLocation): DicomHeader[] {
  const first = header(0, where);
  const others = Array.from({ length: first.pixels.frames - 1 }, (_, i) => header(i + 1, where));
  return [first, ...others];
}
