// The series found by the last listing.
import type { NamedFile, SeriesItem } from '../protocol';

/** Files that belong together. */
export interface FileGroup {
  item: SeriesItem;
  kind: 'dicom' | 'pictures';
  files: NamedFile[];
}

/** Bytes of a file read for its header; if they are not enough, the whole file is read. */
export const HEADER_BYTES = 64 * 2 ** 10;

const groups = new Map<string, FileGroup>();
let count = 0;

export const forgetGroups = (): void => groups.clear();

/** @returns Its line, with an id unique in this page. */
export function addGroup(
  kind: FileGroup['kind'],
  files: NamedFile[],
  described: Omit<SeriesItem, 'id' | 'isStack'>,
): SeriesItem {
  const item = { ...described, id: `series-${++count}`, isStack: false };
  groups.set(item.id, { kind, files, item });
  return item;
}

/** The files of a series, or of one of its stacks. */
export function groupOf(id: string): FileGroup {
  const group = groups.get(id.split('/')[0]!);
  if (group === undefined) throw new Error('this series is no longer there: open its files again');
  return group;
}

/** Files with distinct paths: names may be equal in files dropped from several folders. */
export function withOwnPaths(files: readonly NamedFile[]): NamedFile[] {
  const counts = new Map<string, number>();
  return files.map(({ path, file }) => {
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    return { path: count === 1 ? path : `${path} (${count})`, file };
  });
}

/** Natural order of names: 2 before 10. */
export const naturally = new Intl.Collator('en', { numeric: true }).compare;
