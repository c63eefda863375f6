import type { WebGpuPreparation } from './webgpu/prepare';

/** Prepares the active WebGPU backend; its kernels are loaded by the first call. */
export async function prepareWebGpuBackend(): Promise<WebGpuPreparation> {
  const { prepare } = await import('./webgpu/prepare');
  return prepare();
}
