// Files from inputs and drops, including nested folders.
import type { NamedFile } from '../protocol';

/** Files of an input, with their paths if a folder was chosen. */
export const filesOf = (list: FileList | null): NamedFile[] =>
  [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/** The dropped files. Call it inside the event handler: the items are gone afterwards. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<NamedFile[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return filesOf(files);
  const found: NamedFile[] = [];
  for (const entry of entries) await walk(entry, '', found);
  return found;
}

async function walk(entry: FileSystemEntry, folder: string, found: NamedFile[]): Promise<void> {
  const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await asked<File>(path, (...answer) => (entry as FileSystemFileEntry).file(...answer));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // a hundred at a time
    const some = await asked<FileSystemEntry[]>(path, (...answer) => reader.readEntries(...answer));
    if (some.length === 0) return;
    for (const one of some) await walk(one, path, found);
  }
}

/** Converts the browser's error, which does not always name the file. */
async function asked<T>(
  path: string,
  ask: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  try {
    return await new Promise<T>(ask);
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Whether files are a checkpoint rather than a study: model.json and weights. */
export const isCheckpoint = (files: readonly NamedFile[]): boolean =>
  files.length > 1 &&
  files.every(({ path }) => /\.(json|bin)$/.test(path)) &&
  files.some(({ path }) => path.endsWith('.bin'));
