import * as tf from '@tensorflow/tfjs';
// @ts-expect-error -- a script of the package's checks
import { openSoftwareGpu } from '../../scripts/package/software_gpu.mjs';
import { useBackend } from '../../src/node/backend/backend';

/** Why there is no WebGPU in software here; undefined where `useBackend('webgpu')` now takes it. */
export async function provideSoftwareGpu(): Promise<string | undefined> {
  const open = openSoftwareGpu as (options: { install: boolean }) => Promise<{
    gpu?: object;
    globals?: object;
    why?: string;
  }>;
  const { gpu, globals, why } = await open({ install: process.env['CT_MULTILABEL_FULL'] === '1' });
  if (gpu === undefined) return why;
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
  await useBackend('webgpu');
  return undefined;
}

/** Values of what `run` makes, on plain JavaScript and on WebGPU. */
export async function onBoth(run: () => tf.Tensor[]): Promise<{ expected: number[][]; actual: number[][] }> {
  const results: number[][][] = [];
  for (const backend of ['cpu', 'webgpu']) {
    await tf.setBackend(backend);
    const tensors = tf.tidy(run);
    results.push(await Promise.all(tensors.map(async (tensor) => [...(await tensor.data())])));
    tf.dispose(tensors);
  }
  return { expected: results[0]!, actual: results[1]! };
}

/** The largest distance between tensors, as a share of the expected one's norm. */
export function distance({ expected, actual }: { expected: number[][]; actual: number[][] }): number {
  if (expected.length !== actual.length) return Infinity;
  const norm = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const shares = expected.map((values, i) => {
    const apart = norm(values.map((value, k) => value - actual[i]![k]!));
    return apart === 0 ? 0 : apart / norm(values);
  });
  return shares.some(Number.isNaN) ? Infinity : Math.max(0, ...shares);
}
