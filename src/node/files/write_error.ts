import { CtMultilabelError } from '../../base/errors';

/** No space, no quota, or a file too large for the disk. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What a file system says of writing a file, which often does not name it, with the file and what to do; other errors as they are. */
export function writeError(error: unknown, file: string): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const advice = FULL.includes(code)
    ? 'the disk is full, so free some space or write to another disk; what was there before is as it was: '
    : '';
  return new CtMultilabelError(`${file} cannot be written: ${advice}${message}`, { cause: error });
}
