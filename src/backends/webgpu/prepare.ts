import * as tf from '@tensorflow/tfjs';
import { markPrepared } from '../../kernels/preparation';
import type { WebGpuBackend } from './backend';
import { guardWebGpu } from './guard';
import { adamStep } from './kernels/adam';
import { asymmetricLoss } from './kernels/asymmetric_loss';
import { batchNorm, batchNormGradient, movingMoments, reluBiasGradient } from './kernels/columns';
import { clahe } from './kernels/clahe';
import { finite } from './kernels/finite';
import { gruBackward, gruForward } from './kernels/gru';
import { colorJitter, resize, warp } from './kernels/images';
import { lstmBackward, lstmForward } from './kernels/lstm';

/** Result of {@link prepare}. */
export interface WebGpuPreparation {
  /** Whether this library's kernels run on the device. */
  compiledKernels: boolean;
  /** Whether running out of memory throws an error. */
  memoryGuard: boolean;
}

const KERNELS = [
  ...[reluBiasGradient, movingMoments, batchNorm, batchNormGradient],
  ...[gruForward, gruBackward, lstmForward, lstmBackward],
  ...[asymmetricLoss, adamStep, finite],
  ...[clahe, warp, resize, colorJitter],
];

/**
 * Registers this library's kernels and the guard against stale values for the active WebGPU backend, as far as its
 * internals allow. Further calls have no effect.
 */
export function prepare(): WebGpuPreparation {
  const backend = tf.getBackend() === 'webgpu' ? (tf.backend() as WebGpuBackend) : undefined;
  if (backend === undefined) return { compiledKernels: false, memoryGuard: false };
  const memoryGuard = guardWebGpu();
  const compiledKernels = takesLaunches(backend);
  if (compiledKernels) {
    for (const kernel of KERNELS) {
      if (tf.getKernel(kernel.kernelName, 'webgpu') === undefined) tf.registerKernel(kernel);
    }
  }
  const { maxBufferSize = Infinity, maxStorageBufferBindingSize = Infinity } = backend.device?.limits ?? {};
  const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const largestBuffer = limit < Infinity ? limit : undefined;
  markPrepared(backend, { compiledKernels, memoryGuard, largestBuffer });
  return { compiledKernels, memoryGuard };
}

/** Whether the host has everything that a launch uses. */
function takesLaunches(backend: WebGpuBackend): boolean {
  const { device, tensorMap, commandQueueOwnedIds, dispatchCountInPass } = backend;
  const methods = [
    ...[backend.uploadToGPU, backend.makeTensorInfo, backend.makeUniforms, backend.submitQueue],
    ...[backend.ensureCommandEncoderReady, backend.endComputePassEncoder, backend.refCount],
    ...[device?.createShaderModule, device?.createComputePipeline, device?.createBindGroup],
    ...[tensorMap?.get, commandQueueOwnedIds?.add],
  ];
  return (
    methods.every((method) => typeof method === 'function') &&
    typeof dispatchCountInPass === 'number' &&
    device.limits?.maxComputeInvocationsPerWorkgroup >= 256
  );
}
