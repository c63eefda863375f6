import { isNumberIn, rule } from '../base/options';

/** Most threads that can be requested. */
const MOST_THREADS = 64;

/** Most threads that `'auto'` uses: more would get too little work each for small images. */
export const AUTO_THREADS = 8;

/** The option `threads` of functions that start a backend. */
export const THREADS = rule<'auto' | number>(
  `'auto' or 1 to ${MOST_THREADS}`,
  (value) => value === 'auto' || (Number.isInteger(value) && isNumberIn(value, 1, MOST_THREADS)),
);
