/**
 * Weights from and to PyTorch.
 *
 * @module interop
 */

export { readSafetensors, writeSafetensors } from './safetensors';
export { torchStateDict } from './torch_state_dict';
export { loadTorchWeights } from './torch_weights';
