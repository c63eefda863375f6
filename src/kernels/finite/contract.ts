/**
 * Kernel with inputs `loss`, a scalar, and `x0`, `x1`, …; output the loss, or NaN where a value of these is not finite. For backends whose
 * values lie on a device, where looking at them would mean to wait.
 */
export const FINITE_KERNEL = 'CtFinite';
