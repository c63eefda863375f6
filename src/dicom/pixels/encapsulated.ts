import { DataError, type DataLocation } from '../../base/errors';

const ITEM = 0xfffee000;
const SEQUENCE_END = 0xfffee0dd;

/**
 * The codestream of a single frame: all fragments joined, after the offset table, which a single frame does not need.
 *
 * @param offset - Where the offset table's item begins.
 * @throws DataError when the items do not follow one another up to the marked end.
 */
export function joinFragments(bytes: Uint8Array, offset: number, where: DataLocation): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Uint8Array[] = [];
  for (let at = offset; ;) {
    if (at + 8 > bytes.length)
      throw new DataError('the file is cut short between fragments of pixels', where);
    const tag = view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    at += 8;
    if (tag === SEQUENCE_END) break;
    if (tag !== ITEM) {
      throw new DataError(`expected a fragment of pixels at byte ${at - 8}, found something else`, where);
    }
    if (at + length > bytes.length) {
      throw new DataError(
        `the file is cut short: ${bytes.length - at} of ${length} bytes of a fragment`,
        where,
      );
    }
    items.push(bytes.subarray(at, at + length));
    at += length;
  }
  const fragments = items.slice(1);
  if (fragments.length === 0) throw new DataError('the file has no fragment of pixels', where);
  const joined = new Uint8Array(fragments.reduce((sum, fragment) => sum + fragment.length, 0));
  let filled = 0;
  for (const fragment of fragments) {
    joined.set(fragment, filled);
    filled += fragment.length;
  }
  return joined;
}
