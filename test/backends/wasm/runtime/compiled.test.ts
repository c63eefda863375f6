import { expect, it } from 'vitest';
import {
  compileKernels,
  instantiateKernels,
  namedKernels,
} from '../../../../src/backends/wasm/runtime/compiled';
import * as binaries from '../../../../src/backends/wasm/generated/host_kernels';
import { PARAMETERS } from '../../../../src/backends/wasm/generated/signatures';

const memory = new WebAssembly.Memory({ initial: 1 });
const raw = instantiateKernels(compileKernels(binaries)!, memory);

it('knows the parameters of every kernel that was compiled', () => {
  const arity = Object.entries(raw).map(([name, kernel]) => [name, kernel.length]);
  const named = Object.entries(PARAMETERS).map(([name, parameters]) => [name, parameters.length]);
  expect(Object.fromEntries(named)).toEqual(Object.fromEntries(arity));
});

it('calls them by name, in whatever order the names stand', () => {
  const values = new Float32Array(memory.buffer);
  values.set([-2, 0.5, 3, 9], 256);
  namedKernels(raw).clamp({ high: 1, low: -1, count: 4, perUnit: 4, y: 2048, x: 1024, _scratch: 0, unit: 0 });
  expect([...values.subarray(512, 516)]).toEqual([-1, 0.5, 1, 1]);
});
