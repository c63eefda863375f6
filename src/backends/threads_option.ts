import { isNumberIn, rule } from '../base/options';

/** More threads than this share the work too finely. */
export const MOST_THREADS = 8;

/** The option `threads` of whatever starts a backend. */
export const THREADS = rule<'auto' | number>(
  `'auto' or 1 to ${MOST_THREADS}`,
  (value) => value === 'auto' || (Number.isInteger(value) && isNumberIn(value, 1, MOST_THREADS)),
);
