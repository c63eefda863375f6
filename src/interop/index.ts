/**
 * Weights from and to PyTorch, and export of models as ONNX.
 *
 * @module interop
 */

export { exportOnnx } from './export_onnx';
export { readSafetensors, writeSafetensors } from './safetensors';
export { torchStateDict } from './torch_state_dict';
export { loadTorchWeights } from './torch_weights';
