/**
 * Kernel with inputs `loss`, a scalar, and `x0`, `x1`, …; outputs the loss, or NaN if one of their values is not
 * finite. For backends whose values are on a device and could be checked only by waiting for it.
 */
export const FINITE_KERNEL = 'CtFinite';
