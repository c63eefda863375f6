import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { DataLocation } from '../../base/errors';
import { fileSize, unreadable, type FileKind } from './file_bytes';

/** Bytes of a file that are read for each of its images. */
const SAMPLE_BYTES = 16 * 2 ** 10;

/** Hexadecimal digits of a fingerprint: it detects accidental changes, no deliberate ones. */
const DIGITS = 8;

/**
 * For each image of a file a hash of the file's size and of 16 KiB of it: those in the middle, or for several images
 * in the middle of equal parts. A smaller file is read as a whole.
 *
 * A changed picture of a compressed file changes either the size or what follows it in the file; in one that is not
 * compressed, the middle is that of the image, where the head is. Names and times, which copying changes, do not count.
 *
 * @throws DataError if the file is missing or not a regular file.
 */
export async function fileFingerprints(
  file: string,
  images: number,
  kind: FileKind,
  location: DataLocation,
): Promise<string[]> {
  try {
    const size = await fileSize(file, kind, location);
    const handle = await open(file);
    try {
      const prints: string[] = [];
      for (let i = 0; i < images; i++) {
        const start = Math.max(0, Math.round(((i + 0.5) / images) * size) - SAMPLE_BYTES / 2);
        const sample = Buffer.alloc(Math.min(SAMPLE_BYTES, size - start));
        await handle.read(sample, 0, sample.length, start);
        prints.push(createHash('sha256').update(`${size} `).update(sample).digest('hex').slice(0, DIGITS));
      }
      return prints;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(error, kind, location);
  }
}
