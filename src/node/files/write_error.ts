import { CtMultilabelError } from '../../base/errors';

/** No space, no quota, or a file too large for the disk. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** An error of the file system on writing, with the file's name and advice; other errors are unchanged. */
export function writeError(error: unknown, file: string): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const advice = FULL.includes(code)
    ? 'the disk is full, so free some space or write to another disk; the previous content is unchanged: '
    : '';
  return new CtMultilabelError(`${file} cannot be written: ${advice}${message}`, { cause: error });
}
