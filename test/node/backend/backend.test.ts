import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ArgumentError, CtMultilabelError } from '../../../src/base/errors';
import { backendReport, tfjsNodeHindrance, useBackend } from '../../../src/node/backend/backend';

/** A backend named `tensorflow` made of the cpu one, as if tfjs-node had been loaded. */
function registerFakeTensorflow(start: () => unknown): void {
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  tf.registerBackend('tensorflow', start as () => tf.KernelBackend);
}

function newCpuBackend(): tf.KernelBackend {
  const cpu = tf.findBackend('cpu');
  return new (cpu.constructor as new () => tf.KernelBackend)();
}

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});

afterEach(() => {
  if (tf.engine().registryFactory['tensorflow'] !== undefined) tf.removeBackend('tensorflow');
  for (const { kernelName } of tf.getKernelsForBackend('tensorflow'))
    tf.unregisterKernel(kernelName, 'tensorflow');
  vi.restoreAllMocks();
});

describe('useBackend', () => {
  it('takes WebAssembly by itself when TensorFlow is not installed, and says so', async () => {
    const lines: string[] = [];
    expect(await useBackend('auto', { log: (line) => lines.push(line) })).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
    expect(lines).toEqual([expect.stringMatching(/^backend wasm: WebAssembly on \d threads?$/)]);
    expect(backendReport()).toEqual({
      name: 'wasm',
      reason: expect.stringMatching(/^WebAssembly on/),
      tried: [
        {
          name: 'tensorflow',
          whyNot: expect.stringMatching(/tfjs-node-gpu is not installed.*tfjs-node is not installed/),
        },
        { name: 'webgpu', whyNot: 'webgpu is not installed (npm install webgpu)' },
      ],
    });
  });

  it('makes WebAssembly fit for training', async () => {
    await useBackend('wasm');
    expect(tf.getKernel('Conv2DBackpropFilter', 'wasm')).toBeDefined();
    expect(() => tf.tidy(() => tf.zeros([2 ** 30 + 4]))).toThrow(/no room/);
  });

  it('takes as many threads as it is told to, and as the machine has by default', async () => {
    for (const threads of [1, 3, 2, 1]) {
      await useBackend('wasm', { threads });
      const many = threads === 1 ? '1 thread' : `${threads} threads`;
      expect(backendReport().reason).toBe(`WebAssembly on ${many}, as requested`);
      const x = tf.ones([1, 9, 9, 8]);
      const y = tf.tidy(() => tf.conv2d(x as tf.Tensor4D, tf.ones([3, 3, 8, 8]) as tf.Tensor4D, 1, 'valid'));
      expect(y.dataSync().every((value) => Math.abs(value - 72) < 1e-3)).toBe(true);
      tf.dispose([x, y]);
    }
    await useBackend('wasm');
    expect(backendReport().reason).toContain(`on ${Math.min(8, availableParallelism())} thread`);
  });

  it.each([0, 65, 1.5, 'two'])('refuses %s threads', async (threads) => {
    await expect(useBackend('wasm', { threads: threads as number })).rejects.toThrow(ArgumentError);
  });

  it('switches back and forth, and tensors follow', async () => {
    expect(await useBackend('cpu')).toBe('cpu');
    const x = tf.tensor1d([1, 2, 3]);
    const before = tf.memory().numTensors;
    for (const name of ['wasm', 'cpu', 'wasm', 'wasm', 'cpu'] as const) {
      expect(await useBackend(name)).toBe(name);
      expect(tf.getBackend()).toBe(name);
      expect(backendReport()).toEqual({ name, reason: expect.stringContaining('as requested'), tried: [] });
      const square = tf.square(x);
      expect([...square.dataSync()]).toEqual([1, 4, 9]);
      square.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it('takes calls made at once one after another', async () => {
    const names = await Promise.all([
      useBackend('wasm'),
      useBackend('cpu'),
      useBackend('auto'),
      useBackend('cpu'),
    ]);
    expect(names).toEqual(['wasm', 'cpu', 'wasm', 'cpu']);
    expect(tf.getBackend()).toBe('cpu');
    expect(backendReport().name).toBe('cpu');
  });

  it.each([
    [
      'tensorflow',
      /tensorflow cannot be used: @tensorflow\/tfjs-node-gpu is not installed \(npm install @tensorflow/,
    ],
    ['webgpu', /webgpu cannot be used: webgpu is not installed \(npm install webgpu\)/],
  ] as const)('says what to install for %s and stays where it was', async (name, message) => {
    await useBackend('wasm');
    const failure = useBackend(name);
    await expect(failure).rejects.toThrow(CtMultilabelError);
    await expect(failure).rejects.toThrow(message);
    expect(tf.getBackend()).toBe('wasm');
    expect(backendReport().name).toBe('wasm');
  });

  it('says so when there is no GPU adapter', async () => {
    await useBackend('cpu');
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    try {
      await expect(useBackend('webgpu')).rejects.toThrow(/no GPU adapter was found/);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(tf.getBackend()).toBe('cpu');
  });

  it('takes no GPU in software by itself', async () => {
    const info = { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader driver' };
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => ({ info }) } });
    try {
      expect(await useBackend('auto')).toBe('wasm');
    } finally {
      vi.unstubAllGlobals();
    }
    const whyNot = 'its adapter is software (SwiftShader driver), slower than wasm';
    expect(backendReport().tried).toContainEqual({ name: 'webgpu', whyNot });
    await useBackend('cpu');
  });

  it('prefers TensorFlow when it is there', async () => {
    registerFakeTensorflow(newCpuBackend);
    expect(await useBackend()).toBe('tensorflow');
    expect(backendReport()).toEqual({
      name: 'tensorflow',
      reason: 'TensorFlow C library, loaded before',
      tried: [],
    });
    await useBackend('cpu');
  });

  it('goes on when TensorFlow does not start or cannot compute', async () => {
    registerFakeTensorflow(() => Promise.reject(new Error('no driver')));
    expect(await useBackend()).toBe('wasm');
    expect(backendReport().tried).toEqual([
      { name: 'tensorflow', whyNot: 'it did not start' },
      { name: 'webgpu', whyNot: 'webgpu is not installed (npm install webgpu)' },
    ]);

    tf.removeBackend('tensorflow');
    tf.registerBackend('tensorflow', newCpuBackend);
    tf.unregisterKernel('Add', 'tensorflow');
    expect(await useBackend()).toBe('wasm');
    expect(backendReport().tried[0]!.whyNot).toMatch(/Add/);
    await useBackend('cpu');
    await expect(useBackend('tensorflow')).rejects.toThrow(CtMultilabelError);
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
  });

  it('refuses names and options it does not know', async () => {
    await expect(useBackend('cuda' as 'auto')).rejects.toThrow(
      /useBackend: name: expected one of 'auto', 'tensorflow', 'webgpu', 'wasm', 'cpu', received "cuda"/,
    );
    await expect(useBackend('cpu', null as unknown as object)).rejects.toThrow(ArgumentError);
    await expect(useBackend('cpu', { logger: console.log } as object)).rejects.toThrow(
      /unknown option 'logger'; known: log, threads/,
    );
    await expect(useBackend('cpu', { log: 'yes' } as object)).rejects.toThrow(/log: expected a function/);
  });

  it('leaves no tensor behind', async () => {
    await useBackend('wasm');
    const before = tf.memory().numTensors;
    await useBackend('cpu');
    await useBackend('auto');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('backendReport', () => {
  it('knows a backend it did not set', async () => {
    await useBackend('wasm');
    await tf.setBackend('cpu');
    expect(backendReport()).toEqual({ name: 'cpu', reason: 'not set by useBackend', tried: [] });
  });

  it('gives a copy', async () => {
    await useBackend('auto');
    const { tried } = backendReport();
    tried.push({ name: 'x', whyNot: 'y' });
    expect(backendReport().tried).toHaveLength(tried.length - 1);
  });
});

describe('tfjsNodeHindrance', () => {
  it.each(['18.19.0', '20.20.2', '22.1.0'])('lets Node %s pass', (version) => {
    expect(tfjsNodeHindrance(version)).toBeUndefined();
  });
  it('names Node 24 as too new', () => {
    expect(tfjsNodeHindrance('24.2.0')).toMatch(/Node 22 and older, but this is Node 24\.2\.0/);
  });
});
