import type { DataError } from './errors';

/**
 * Progress of reading files.
 *
 * @inline
 */
export interface FileProgress {
  /** Files done so far. */
  done: number;
  /** Files in all. */
  total: number;
  /** The file just done. */
  file: string;
}

/**
 * A file that could not be read and was left out.
 *
 * @inline
 */
export interface SkippedFile {
  file: string;
  /** The reason, with patient and slice if known. */
  error: DataError;
}

/** Larger than any CT slice in any format; keeps a wrong file from filling the memory. */
export const MAX_FILE_BYTES = 512 * 2 ** 20;
