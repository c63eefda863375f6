import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';

const ITEM = 0xfffee000;
const SEQUENCE_END = 0xfffee0dd;

/** ExtendedOffsetTable: offsets of the frames, in 64 bits. */
const EXTENDED_OFFSETS = 'x7fe00001';

/** A fragment of pixels. */
interface Fragment {
  /** Offset of its item from that of the first fragment. */
  at: number;
  bytes: Uint8Array;
}

/**
 * The codestream of a frame: its fragments, joined. A single frame has all fragments, regardless of its offset table;
 * multiple frames have one fragment each, or begin where the extended or the basic offset table says.
 *
 * @throws DataError if the items are not contiguous up to the delimiter, or no table separates the frames.
 */
export function frameCodestream(
  dataSet: DicomDataSet,
  frames: number,
  frame: number,
  where: DataLocation,
): Uint8Array {
  const { items } = readFragments(dataSet, where);
  const [table, ...fragments] = items;
  if (table === undefined || fragments.length === 0) {
    throw new DataError('the file has no fragment of pixels', where);
  }
  if (frames === 1) return join(fragments);
  if (fragments.length === frames) return fragments[frame]!.bytes;
  const extended = offsets(dataSet.valueOf(EXTENDED_OFFSETS), 8);
  const starts = extended.length > 0 ? extended : offsets(table.bytes, 4);
  const ends = [...starts.slice(1), Infinity];
  const own = fragments.filter(({ at }) => at >= starts[frame]! && at < ends[frame]!);
  const known = starts.length === frames && own.length > 0 && own[0]!.at === starts[frame];
  if (!known) {
    const found = `${fragments.length} fragments and ${starts.length} offsets`;
    throw new DataError(
      `expected an offset for each of ${frames} frames, found ${found} that do not fit`,
      where,
    );
  }
  return join(own);
}

/** Offset after pixels in fragments. */
export function endOfFragments(dataSet: DicomDataSet, where: DataLocation): number {
  return readFragments(dataSet, where).end;
}

/** The items up to the delimiter: the offset table, and the fragments. */
function readFragments(
  { bytes, pixelData }: DicomDataSet,
  where: DataLocation,
): { items: Fragment[]; end: number } {
  const { offset } = pixelData!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Fragment[] = [];
  let origin = offset;
  for (let at = offset; ;) {
    if (at + 8 > bytes.length)
      throw new DataError('the file is truncated between fragments of pixels', where);
    const tag = view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    at += 8;
    if (tag === SEQUENCE_END) return { items, end: at };
    if (tag !== ITEM) {
      throw new DataError(`expected a fragment of pixels at byte ${at - 8}, found something else`, where);
    }
    if (at + length > bytes.length) {
      throw new DataError(
        `the file is truncated: ${bytes.length - at} of ${length} bytes of a fragment`,
        where,
      );
    }
    if (items.length === 1) origin = at - 8;
    items.push({ at: at - 8 - origin, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
}

/** Offsets of `width` bytes each. */
function offsets(table: Uint8Array | undefined, width: 4 | 8): number[] {
  if (table === undefined) return [];
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  return Array.from({ length: Math.floor(table.length / width) }, (_, i) =>
    width === 4 ? view.getUint32(4 * i, true) : Number(view.getBigUint64(8 * i, true)),
  );
}

function join(fragments: readonly Fragment[]): Uint8Array {
  const joined = new Uint8Array(fragments.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let filled = 0;
  for (const { bytes } of fragments) {
    joined.set(bytes, filled);
    filled += bytes.length;
  }
  return joined;
}
