/**
 * Weights from and to PyTorch.
 *
 * @module interop
 */

export { readSafetensors, writeSafetensors } from './safetensors';
export { loadTorchWeights, type LoadedTorchWeights, type LoadTorchWeightsOptions } from './torch_weights';
