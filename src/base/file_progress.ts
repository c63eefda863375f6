import type { DataError } from './errors';

/**
 * How far a walk over files has come.
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
  /** Why: names patient and slice too, where they are known. */
  error: DataError;
}

/** Larger than any slice of a CT in any format; keeps a wrong file from filling the memory. */
export const MAX_FILE_BYTES = 512 * 2 ** 20;
