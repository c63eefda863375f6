import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { STORED_ARRAYS, type Precision, type StoredValues } from '../../base/stored_values';
import { VERSION } from '../../version';
import { move, remove } from '../files/move';

/** A prepared slice: values `[height, width, channels]` in the cache's precision. */
export interface CachedSlice {
  values: StoredValues;
  shape: [height: number, width: number, channels: number];
}

/** The prepared slices of a file in a {@link SliceCache}. */
export interface CachedFile {
  /** The slice, or that of a frame of a multi-frame file, if present and intact. */
  get(frame?: number): Promise<CachedSlice | undefined>;
  /**
   * Stores a slice. If the disk is full or not writable, a warning is emitted once, and nothing more is stored: missing
   * slices are prepared again.
   */
  put(slice: CachedSlice, frame?: number): Promise<void>;
}

/** File and key of a slice. */
interface Place {
  file: string;
  key: Buffer;
}

/**
 * A cache of prepared slices on disk. Each is a file named after the SHA-256 of its source file, in a folder for the
 * settings: another image or setting gives another name, so that an outdated file is never used.
 *
 * A file that is truncated, changed, or at the path of another image or other settings does not match its checksum and
 * counts as missing. Several processes and threads may share a folder.
 */
export class SliceCache {
  private readonly folder: string;
  private readonly settings: string;
  private failed = false;

  /**
   * @param folder - Created when the first slice is written.
   * @param settings - Everything that the values depend on, besides the image's bytes: plain data.
   * @param precision - Precision of stored values; each has separate files.
   */
  constructor(
    folder: string,
    settings: unknown,
    private readonly precision: Precision = 'float32',
  ) {
    const key = JSON.stringify([FORMAT, VERSION, settings, ...(precision === 'float32' ? [] : [precision])]);
    this.settings = createHash('sha256').update(key).digest('hex');
    this.folder = path.join(folder, this.settings.slice(0, 16));
  }

  /** The cached slices of a file with bytes `source`. */
  of(source: Uint8Array): CachedFile {
    const hash = createHash('sha256').update(source).digest('hex');
    return {
      get: (frame) => this.get(this.placeOf(hash, frame)),
      put: (slice, frame) => this.put(this.placeOf(hash, frame), slice),
    };
  }

  private async get({ file, key }: Place): Promise<CachedSlice | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch {
      return undefined;
    }
    return decode(bytes, key, this.precision);
  }

  private async put({ file, key }: Place, slice: CachedSlice): Promise<void> {
    if (this.failed) return;
    const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(temporary, encode(slice, key), { flag: 'wx' });
      await move(temporary, file);
    } catch (error) {
      await remove(temporary).catch(() => undefined);
      if (this.failed) return; // another write has already warned
      this.failed = true;
      process.emitWarning(`prepared slices are not cached in ${this.folder}: ${(error as Error).message}`);
    }
  }

  /** The key ensures that a file moved to another path does not match. */
  private placeOf(hash: string, frame?: number): Place {
    const name = frame === undefined ? hash : `${hash}-${frame}`;
    const file = path.join(this.folder, name.slice(0, 2), name.slice(2));
    return { file, key: Buffer.from(this.settings + name, 'latin1') };
  }
}

/** Changes whenever the layout below or the preparation does. */
const FORMAT = 'ct-multilabel slice 3';

/** Magic, `[height, width, channels]` and a checksum of key, sizes and values, before the values. */
const MAGIC = Buffer.from('CTSLICE2', 'latin1');
const CHECKSUM_BYTES = 32;
const HEADER_BYTES = MAGIC.length + 12 + CHECKSUM_BYTES;

function encode({ values, shape }: CachedSlice, key: Buffer): Buffer {
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const sizes = Buffer.alloc(12);
  shape.forEach((size, i) => sizes.writeUInt32LE(size, 4 * i));
  return Buffer.concat([MAGIC, sizes, checksum(key, sizes, data), data]);
}

function decode(file: Buffer, key: Buffer, precision: Precision): CachedSlice | undefined {
  const Stored = STORED_ARRAYS[precision];
  if (file.length < HEADER_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const sizes = file.subarray(MAGIC.length, MAGIC.length + 12);
  const data = file.subarray(HEADER_BYTES);
  const shape = [0, 4, 8].map((at) => sizes.readUInt32LE(at)) as CachedSlice['shape'];
  if (data.length !== Stored.BYTES_PER_ELEMENT * shape[0] * shape[1] * shape[2]) return undefined;
  if (!checksum(key, sizes, data).equals(file.subarray(HEADER_BYTES - CHECKSUM_BYTES, HEADER_BYTES)))
    return undefined;
  // a copy, since floats need an aligned address
  return { values: new Stored(new Uint8Array(data).buffer), shape };
}

const checksum = (...parts: Buffer[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
