import { check } from '../../base/checks';

/**
 * Files in a page: those of an `<input type="file" multiple>` (or `webkitdirectory`), a list of files, or a folder or
 * file from `showDirectoryPicker` or a drop, as a handle or an entry (`webkitGetAsEntry`).
 *
 * @inline
 */
export type DicomFiles =
  Iterable<File | FileSystemHandle | FileSystemEntry> | FileSystemHandle | FileSystemEntry;

/** A file, and its path below the given folder. */
export interface ListedFile {
  file: string;
  /** Opens the file, on demand: a folder may contain very many. */
  open(): Promise<File>;
}

/** The handle of a directory; TypeScript's types lack its contents. */
type DirectoryHandle = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };

type Given = File | FileSystemHandle | FileSystemEntry;

const isFile = (given: Given): given is File => 'arrayBuffer' in given;
const isEntry = (given: Given): given is FileSystemEntry => 'isDirectory' in given;

/**
 * All files in folders and their subfolders, in the order of their paths. Hidden ones are left out; if several files
 * have the same path, as in a list without folders, a number is appended.
 *
 * @throws ArgumentError for anything other than files and folders.
 */
export async function listFiles(what: string, files: DicomFiles): Promise<ListedFile[]> {
  const rule = 'files or a folder of files, from an input, a picker or a drop';
  const isOne = (given: unknown): given is Given =>
    typeof given === 'object' && given !== null && ('arrayBuffer' in given || 'isDirectory' in given || 'kind' in given); // prettier-ignore
  const given = isOne(files) ? [files] : Symbol.iterator in Object(files) ? [...files] : undefined;
  check(given !== undefined && given.every(isOne), what, rule, files);
  const found: ListedFile[] = [];
  for (const one of given) await walk(one, '', found);
  found.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const counts = new Map<string, number>();
  return found.map((listed) => {
    const count = (counts.get(listed.file) ?? 0) + 1;
    counts.set(listed.file, count);
    return count === 1 ? listed : { ...listed, file: `${listed.file} (${count})` };
  });
}

async function walk(given: Given, folder: string, found: ListedFile[]): Promise<void> {
  if (isFile(given)) {
    // with the path, if an input gave a folder
    const file = given.webkitRelativePath || given.name;
    if (!file.split('/').some(isHidden)) found.push({ file, open: async () => given });
    return;
  }
  if (isHidden(given.name)) return;
  const file = folder === '' ? given.name : `${folder}/${given.name}`;
  if (isEntry(given)) {
    if (given.isFile) {
      const entry = given as FileSystemFileEntry;
      found.push({ file, open: () => new Promise((resolve, reject) => entry.file(resolve, reject)) });
    } else {
      for (const one of await entriesOf(given as FileSystemDirectoryEntry)) await walk(one, file, found);
    }
  } else if (given.kind === 'file') {
    found.push({ file, open: () => (given as FileSystemFileHandle).getFile() });
  } else {
    for await (const one of (given as DirectoryHandle).values()) await walk(one, file, found);
  }
}

const isHidden = (name: string) => name.startsWith('.');

/** A folder's entries, which are read a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject)); // prettier-ignore
    if (some.length === 0) return entries;
    entries.push(...some);
  }
}
