/**
 * Adam, as PyTorch computes it.
 *
 * @module optimizers
 */

export { adam, Adam } from './adam';
