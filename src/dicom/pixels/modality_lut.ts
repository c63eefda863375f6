import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';

/** ModalityLUTSequence. */
export const MODALITY_LUT = 'x00283000';

/** A table that maps stored values; those beyond its ends get its first or last value. */
export interface ModalityLut {
  /** The stored value of the first entry. */
  first: number;
  values: ArrayLike<number>;
}

/**
 * The file's table (PS3.3, C.11.1), interpreted like pydicom's `apply_modality_lut`; undefined if there is none.
 *
 * @throws DataError if the number of entries differs from its descriptor.
 */
export function readModalityLut(
  dataSet: DicomDataSet,
  signed: boolean,
  where: DataLocation,
): ModalityLut | undefined {
  const item = dataSet.items(MODALITY_LUT)[0];
  if (item === undefined) return undefined;
  const [length, first, bits] = item.integers('x00283002', false, 3) ?? [];
  const data = item.valueOf('x00283006');
  if (length === undefined || first === undefined || bits === undefined || data === undefined) {
    throw new DataError('ModalityLUTSequence lacks its descriptor or its data', where);
  }
  const entries = length === 0 ? 2 ** 16 : length;
  const start = signed && first >= 2 ** 15 ? first - 2 ** 16 : first;
  if (bits <= 8 && data.length >= entries && data.length < 2 * entries) {
    return { first: start, values: data.subarray(0, entries) };
  }
  const words = item.integers('x00283006', false, entries) ?? [];
  if (words.length !== entries) {
    throw new DataError(
      `ModalityLUTSequence has ${words.length} values, but its descriptor states ${entries}`,
      where,
    );
  }
  return { first: start, values: words };
}
