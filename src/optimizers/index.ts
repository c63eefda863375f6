/**
 * Adam, as PyTorch computes it.
 *
 * @module optimizers
 */

export { adam, Adam } from './adam';
export { type OptimizerRecord } from './optimizer_record';
