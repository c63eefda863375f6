/**
 * Kernel with a float32 input `x` and attributes {@link WithinAttrs}; outputs a scalar, 1 if every value lies in
 * `low..high`, otherwise 0, as for NaN. It tells in a fraction of the time whether a search for a wrong value is needed.
 */
export const WITHIN_KERNEL = 'CtWithin';

export interface WithinAttrs {
  low: number;
  high: number;
}
