import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { DicomHeader } from '../../dicom/dicom_header';
import { VERSION } from '../../version';
import { writeFileAtomic } from './atomic_write';
import { remove } from './move';

/** A file of a scanned folder. */
export interface IndexedFile {
  /** Path inside the folder. */
  place: string;
  /** Path beginning with the folder as given by the caller, for errors. */
  file: string;
  /** Real path. */
  path: string;
}

/** The headers of all images of a file; undefined for a file other than a DICOM image. */
export type FileHeaders = readonly DicomHeader[] | undefined;

/**
 * The part of a header that differs between the files of a series; the rest is stored once for all files that share it.
 */
interface OwnPart extends Pick<
  DicomHeader,
  'sopInstanceUid' | 'acquisitionTime' | 'instanceNumber' | 'imagePosition' | 'sliceLocation'
> {
  /** Without the file, which may have another name when it is opened again. */
  problems: Omit<DicomHeader['problems'][number], 'file'>[];
}

type CommonPart = Omit<DicomHeader, keyof OwnPart>;

/**
 * A line of the index: path inside the folder, state, and for each image its own part and the number of its common
 * part.
 */
type Line = [place: string, state: string, images: [own: OwnPart, common: number][] | null];

/**
 * A cache on disk of the headers of a folder's files: a file with unchanged size and times is not read again in the
 * next scan.
 *
 * One file for each folder, `scans/<hash of its path>.headers` in the cache folder. A file that is damaged, or belongs to
 * another folder or version, does not match its checksum and is written again. Files that could not be read are not in
 * it, nor those changed a moment ago, whose times would not reveal another change. Several processes may use it: it is
 * written atomically, and the last writer wins.
 *
 * Deleted files are dropped from it. The index of a folder that no longer exists is removed when another one is written,
 * once it is a month old: the folder may be on a disk that is temporarily disconnected.
 */
export class HeaderIndex {
  /** Lines of the last scan by path inside the folder. */
  private readonly known = new Map<string, string>();
  private readonly kept: string[] = [];
  private readonly commons: CommonPart[] = [];
  private readonly numbers = new Map<string, number>();
  /** Numbers of the common parts that lines of this scan refer to. */
  private readonly used = new Set<number>();
  private changed = false;
  private readonly started = Date.now();

  private constructor(
    private readonly file: string,
    private readonly folder: string,
    private readonly key: string,
  ) {}

  /**
   * Reads the cache of a folder.
   *
   * @param folder - Real path of the folder.
   */
  static async open(cacheFolder: string, folder: string): Promise<HeaderIndex> {
    const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
    const key = JSON.stringify([FORMAT, VERSION, folder]);
    const index = new HeaderIndex(path.join(cacheFolder, 'scans', `${name}${ENDING}`), folder, key);
    await index.read();
    return index;
  }

  /** The headers of a file, by `read` if it is new or has changed. Call it once for each file. */
  async headersOf(found: IndexedFile, read: () => Promise<FileHeaders>): Promise<FileHeaders> {
    // determined before the file is read, so that later changes are detected
    const state = stateOf(found.path);
    const line = this.known.get(found.place);
    this.known.delete(found.place);
    if (line !== undefined) {
      const [, before, images] = JSON.parse(line) as Line;
      if (before === state?.text) {
        this.kept.push(line);
        return images?.map(([own, common]) => {
          this.used.add(common);
          const problems = own.problems.map((problem) => ({ ...problem, file: found.file }));
          return { ...this.commons[common]!, ...own, problems };
        });
      }
    }
    const headers = await read();
    this.changed = true;
    if (state !== undefined && state.changed < this.started - SETTLED_MS) {
      const images = headers?.map((header) => this.parted(header)) ?? null;
      const fresh = JSON.stringify([found.place, state.text, images] satisfies Line);
      // JSON writes NaN and infinity as null
      if (images === null || !fresh.includes('null')) this.kept.push(fresh);
    }
    return headers;
  }

  /**
   * Writes the cache; if the folder is not writable, a warning is emitted and nothing is stored.
   *
   * @param isComplete - Whether all files were requested, so that the others have been removed.
   */
  async save(isComplete: boolean): Promise<void> {
    if (!this.changed && (this.known.size === 0 || !isComplete)) return;
    const rest = isComplete
      ? []
      : [...this.known].filter(([place]) => existsSync(path.join(this.folder, place)));
    const { commons, kept } = this.inUse(rest.map(([, line]) => line));
    const chunks: Buffer[] = [Buffer.from(`${commons.length}\n`)];
    const lines = [...commons, ...kept];
    for (let i = 0; i < lines.length; i += LINES_AT_ONCE) {
      chunks.push(Buffer.from(`${lines.slice(i, i + LINES_AT_ONCE).join('\n')}\n`));
    }
    try {
      const body = await promisify(gzip)(Buffer.concat(chunks), { level: 1 });
      await writeFileAtomic(this.file, Buffer.concat([this.beginning(), this.checksum(body), body]));
      await removeGone(path.dirname(this.file));
    } catch (error) {
      process.emitWarning(`headers are not cached in ${this.file}: ${(error as Error).message}`);
    }
  }

  /** The lines of this scan and those of `rest`, and the renumbered common parts that they refer to. */
  private inUse(rest: readonly string[]): { commons: string[]; kept: string[] } {
    const kept = [...this.kept, ...rest];
    const ofRest = rest.flatMap((line) => (JSON.parse(line) as Line)[2] ?? []);
    const used = new Set([...this.used, ...ofRest.map(([, common]) => common)]);
    const numbers = new Map([...used].sort((a, b) => a - b).map((common, i) => [common, i]));
    const commons = [...numbers.keys()].map((common) => JSON.stringify(this.commons[common]));
    if (used.size === this.commons.length) return { commons, kept };
    const renumbered = (line: string) => {
      const [place, state, images] = JSON.parse(line) as Line;
      return JSON.stringify([
        place,
        state,
        images && images.map(([own, common]) => [own, numbers.get(common)!]),
      ] satisfies Line);
    };
    return { commons, kept: kept.map(renumbered) };
  }

  /** The beginning of the file, from which its folder can be read without the rest. */
  private beginning(): Buffer {
    return Buffer.concat([MAGIC, Buffer.from(`${JSON.stringify(this.folder)}\n`)]);
  }

  private async read(): Promise<void> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.file);
    } catch {
      return;
    }
    const beginning = this.beginning();
    const begin = beginning.length + CHECKSUM_BYTES;
    const body = bytes.subarray(begin);
    const isOurs = bytes.subarray(0, beginning.length).equals(beginning);
    if (!isOurs || !this.checksum(body).equals(bytes.subarray(beginning.length, begin))) return;
    const text = await promisify(gunzip)(body);
    let commons: number | undefined;
    for (let at = 0, end = text.indexOf(10); end >= 0; at = end + 1, end = text.indexOf(10, at)) {
      const line = text.toString('utf8', at, end);
      if (commons === undefined) commons = Number(line);
      else if (this.commons.length < commons) this.commons.push(this.numbered(line));
      else this.known.set(JSON.parse(FIRST_STRING.exec(line)![1]!) as string, line);
    }
  }

  private numbered(text: string): CommonPart {
    this.numbers.set(text, this.numbers.size);
    return JSON.parse(text) as CommonPart;
  }

  private parted(header: DicomHeader): [own: OwnPart, common: number] {
    const {
      sopInstanceUid,
      acquisitionTime,
      instanceNumber,
      imagePosition,
      sliceLocation,
      problems,
      ...common
    } = header;
    const text = JSON.stringify(common);
    if (!this.numbers.has(text)) this.commons.push(this.numbered(text));
    const own = { sopInstanceUid, acquisitionTime, instanceNumber, imagePosition, sliceLocation };
    const number = this.numbers.get(text)!;
    this.used.add(number);
    return [{ ...own, problems: problems.map(({ file: _, ...problem }) => problem) }, number];
  }

  private checksum(body: Buffer): Buffer {
    return createHash('sha256').update(this.key).update(body).digest();
  }
}

/** Changes whenever the layout of the file does. */
const FORMAT = 'ct-multilabel headers 2';
const MAGIC = Buffer.from('CTHEADS2', 'latin1');
const CHECKSUM_BYTES = 32;

const ENDING = '.headers';

/** Age in ms from which the index of a missing folder is removed: a month. */
const GONE_MS = 30 * 24 * 3600 * 1000;

/** Longest beginning of an index: a path has up to 4096 bytes, which JSON may write as six characters each. */
const MOST_BEGINNING = 32 * 2 ** 10;

/** Removes the indexes of missing folders and of earlier versions, and files that a killed process left incomplete. */
async function removeGone(scans: string): Promise<void> {
  const old = Date.now() - GONE_MS;
  for (const name of await readdir(scans)) {
    const file = path.join(scans, name);
    const isHalf = name.endsWith('.tmp');
    const written = await stat(file).catch(() => undefined); // another process may have removed it
    if (written === undefined || written.mtimeMs > old || !(isHalf || name.endsWith(ENDING))) continue;
    const folder = isHalf ? undefined : await folderOf(file);
    if (folder === undefined || !existsSync(folder)) await remove(file);
  }
}

/** The folder of an index; undefined if it does not state one. */
async function folderOf(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST_BEGINNING), 0, MOST_BEGINNING, 0);
    const start = buffer.subarray(0, bytesRead);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    return JSON.parse(start.toString('utf8', MAGIC.length, start.indexOf(10))) as string;
  } catch {
    return undefined; // damaged
  } finally {
    await handle.close();
  }
}

/** The path at the beginning of a line. */
const FIRST_STRING = /^\[("(?:[^"\\]|\\.)*")/;

/** Lines joined to one text, whose length is limited. */
const LINES_AT_ONCE = 100_000;

/** Age in ms from which a file's times distinguish changes, even on disks that store whole seconds. */
const SETTLED_MS = 2000;

/**
 * Inode, size and times of a file, including the time of its last change of any kind, which copying programs do not
 * reset. The inode detects renamed folders, after which a path leads to another file that may have the same size and
 * times. Synchronous, since it takes microseconds, while asynchronous calls take far longer on a busy machine.
 */
function stateOf(file: string): { text: string; changed: number } | undefined {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return { text: `${ino} ${size} ${mtimeMs} ${ctimeMs}`, changed: Math.max(mtimeMs, ctimeMs) };
  } catch {
    return undefined; // reading the file reports why
  }
}
