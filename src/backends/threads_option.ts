import { isNumberIn, rule } from '../base/options';

/** More threads than a machine has use for here. */
export const MOST_THREADS = 64;

/** Threads that are taken unasked: more share the work of small images too finely. */
export const AUTO_THREADS = 8;

/** The option `threads` of whatever starts a backend. */
export const THREADS = rule<'auto' | number>(
  `'auto' or 1 to ${MOST_THREADS}`,
  (value) => value === 'auto' || (Number.isInteger(value) && isNumberIn(value, 1, MOST_THREADS)),
);
