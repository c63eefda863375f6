import { describe, hasControl } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';

/**
 * Position of a slice in its stack: the number after the last underscore, before the extension (10 for `'049_10.jpg'`,
 * which follows `'049_9.jpg'`).
 *
 * @throws DataError if the name has no such number.
 */
export function sliceOrder(name: string, where: DataLocation = { slice: name }): number {
  const digits = /_(\d{1,15})$/.exec(sliceStem(name))?.[1];
  if (digits === undefined) {
    throw new DataError('the slice name has no number after its last underscore, as in 049_10.jpg', where);
  }
  return Number(digits);
}

/** A slice's file name without its extension: `'049_0'` for `'049_0.jpg'`. */
export function sliceStem(name: string): string {
  return name.replace(/\.[a-z][a-z0-9]{0,4}$/i, '');
}

/** Throws a DataError unless `name` is the plain name of a file or folder, which cannot lead elsewhere. */
export function checkName(what: 'study' | 'patient' | 'slice', name: string, where: DataLocation): void {
  if (name === '') throw new DataError(`the ${what} name is empty`, where);
  if (hasControl(name)) {
    throw new DataError(
      `the ${what} name ${describe(name)} has a line end or another control character, expected a plain name`,
      where,
    );
  }
  if (name === '.' || name === '..' || /[/\\]|^[A-Za-z]:/.test(name)) {
    throw new DataError(`the ${what} name ${describe(name)} is a path, expected a plain name`, where);
  }
}
