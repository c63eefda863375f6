/**
 * Weights from and to PyTorch.
 *
 * @module interop
 */

export { readSafetensors, writeSafetensors } from './safetensors';
export { loadTorchWeights } from './torch_weights';
