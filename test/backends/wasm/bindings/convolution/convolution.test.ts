import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostWorkspace, loadSharedKernels } from '../../../../../src/backends/wasm/runtime/engine';
import { withSharedHeap } from '../../../../../src/backends/wasm/runtime/shared_heap';
import { registerWasmTrainingKernels } from '../../../../../src/backends/wasm/training_kernels';
import { startThreadTeam, type StartedTeam } from '../../../../../src/backends/wasm/threads/team';
import { nodeThreads } from '../../../../../src/node/backend/wasm_threads';
import { expectClose } from '../../../../support/matchers';
import {
  type Convolution,
  convolutionGradients,
  convolutions,
  NAMED_CONVOLUTIONS,
  noise,
  outputShape,
  valuesOn,
} from '../../support';

beforeAll(async () => {
  await loadSharedKernels();
  await withSharedHeap(() => tf.setBackend('wasm'));
  registerWasmTrainingKernels();
});

/** Sizes at which Winograd's algorithm is taken: 3x3 taps, stride 1, channels in fours; few tiles, and many. */
const winogradConvolutions: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    size: fc.tuple(fc.integer({ min: 1, max: 18 }), fc.integer({ min: 1, max: 18 })),
    channels: fc.tuple(fc.constantFrom(8, 12, 20), fc.constantFrom(8, 12, 20)),
    pad: fc.oneof(
      fc.constantFrom('same' as const, 'valid' as const),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 4, maxLength: 4 }).map(
        ([top, bottom, left, right]) =>
          [
            [0, 0],
            [top, bottom],
            [left, right],
            [0, 0],
          ] as tf.backend_util.ExplicitPadding,
      ),
    ),
  })
  .map(({ batch, size, channels, pad }) => ({
    image: [batch, ...size, channels[0]] as Convolution['image'],
    kernel: [3, 3, ...channels] as Convolution['kernel'],
    strides: [1, 1] as [number, number],
    pad,
  }))
  .filter((convolution) => outputShape(convolution).every((n) => n > 0));

/** Output and both gradients, through the op that leaves everything to the kernels. */
function everything(convolution: Convolution): tf.Tensor[] {
  const { image, kernel, strides, pad } = convolution;
  const x = noise(image, 1) as tf.Tensor4D;
  const filter = noise(kernel, 2) as tf.Tensor4D;
  const bias = noise([kernel[3]], 4) as tf.Tensor1D;
  return [
    tf.conv2d(x, filter, strides, pad),
    tf.fused.conv2d({ x, filter, strides, pad, bias, activation: 'relu' }),
    tf.fused.conv2d({ x, filter, strides, pad, bias }),
    ...convolutionGradients(convolution),
  ];
}

async function expectSameOnCpu(convolution: Convolution): Promise<void> {
  const actual = await valuesOn('wasm', () => everything(convolution));
  const expected = await valuesOn('cpu', () => everything(convolution));
  ['y', 'relu(y + bias)', 'y + bias', 'dx', 'dw'].forEach((name, i) =>
    expectClose(actual[i]!, expected[i]!, 2e-5, name),
  );
}

describe.each([1, 2, 3])('compiled convolutions on %i threads', (threads) => {
  let team: StartedTeam | undefined;
  beforeAll(async () => {
    await tf.setBackend('wasm');
    const workspace = hostWorkspace(tf.backend())!;
    team = threads === 1 ? undefined : await startThreadTeam(threads, nodeThreads, workspace);
    expect(workspace.threads).toBe(threads);
  });
  afterAll(() => team?.stop());

  it('match the cpu backend by Winograd, of any size and padding', async () => {
    await fc.assert(fc.asyncProperty(winogradConvolutions, expectSameOnCpu), { numRuns: 60 });
  });

  it('match the cpu backend where pixels are gathered, of any geometry', async () => {
    await fc.assert(fc.asyncProperty(convolutions, expectSameOnCpu), { numRuns: 100 });
  });

  it.each(NAMED_CONVOLUTIONS)('match for %s', async (_, convolution) => {
    await expectSameOnCpu(convolution);
  });

  it('match where the filters are transformed a few at a time: many channels, few tiles', async () => {
    // 29128 pairs of channels are 4 MiB of transformed filters; 236 filters are neither whole units nor whole panels
    const image: Convolution['image'] = [3, 7, 6, 128];
    await expectSameOnCpu({ image, kernel: [3, 3, 128, 236], strides: [1, 1], pad: 'same' });
  });

  it('give the same bits for few tiles as for many', async () => {
    const kernel: Convolution['kernel'] = [3, 3, 128, 236];
    await tf.setBackend('wasm');
    const runs = vi.spyOn(hostWorkspace(tf.backend())!, 'run');
    const [many, few] = await valuesOn('wasm', () => {
      const x = noise([11, 16, 16, 128], 1) as tf.Tensor4D;
      const filter = noise(kernel, 2) as tf.Tensor4D;
      const first = tf.slice(x, [0, 0, 0, 0], [2, 16, 16, 128]);
      return [
        tf.slice(tf.conv2d(x, filter, 1, 'same'), [0, 0, 0, 0], [2, 16, 16, 236]),
        tf.conv2d(first, filter, 1, 'same'),
      ];
    });
    expect(few).toEqual(many);
    const kernels = runs.mock.calls.map(([name]) => name);
    expect(kernels).toEqual(expect.arrayContaining(['winogradConvolve', 'winogradPanels']));
    runs.mockRestore();
  });

  it('match with dilation', async () => {
    const compute = () => [
      tf.conv2d(
        noise([2, 13, 11, 5], 1) as tf.Tensor4D,
        noise([3, 2, 5, 9], 2) as tf.Tensor4D,
        1,
        'same',
        'NHWC',
        [2, 3],
      ),
    ];
    const [actual] = await valuesOn('wasm', compute);
    const [expected] = await valuesOn('cpu', compute);
    expectClose(actual!, expected!, 2e-5);
  });

  it('add up where the images are taken in several groups', async () => {
    // 13 MiB of input and output an image, against 96 MiB a group
    const shape: [number, number, number, number] = [9, 224, 224, 32];
    const [together, apart] = await valuesOn('wasm', () => {
      const x = noise(shape, 1) as tf.Tensor4D;
      const dy = noise([9, 224, 224, 32], 2) as tf.Tensor4D;
      const gradients = (first: number, count: number) => {
        const of = (t: tf.Tensor4D) => tf.slice(t, [first, 0, 0, 0], [count, 224, 224, 32]);
        return tf.grads((images: tf.Tensor, w: tf.Tensor) =>
          tf.sum(tf.mul(tf.conv2d(images as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'), of(dy))),
        )([of(x), tf.ones([3, 3, 32, 32])]);
      };
      const all = gradients(0, 9);
      const parts = Array.from({ length: 9 }, (_, n) => gradients(n, 1));
      const joined = [tf.concat(parts.map(([dx]) => dx!)), tf.addN(parts.map(([, dw]) => dw!))];
      return [
        tf.concat(all.map((t) => tf.reshape(t, [-1]))),
        tf.concat(joined.map((t) => tf.reshape(t, [-1]))),
      ];
    });
    expect(together!.some((value) => value !== 0)).toBe(true);
    expectClose(together!, apart!, 1e-4);
  });

  it('keep NaN where it is seen', async () => {
    const [y] = await valuesOn('wasm', () => {
      const x = tf.tensor4d(
        Float32Array.from({ length: 12 * 12 * 8 }, (_, i) => (i === 0 ? NaN : 1)),
        [1, 12, 12, 8],
      );
      return [
        tf.fused.conv2d({ x, filter: tf.ones([3, 3, 8, 8]), strides: 1, pad: 'same', activation: 'relu' }),
      ];
    });
    expect(y![0]).toBeNaN();
    expect(y!.at(-1)).toBeCloseTo(32, 4);
  });
});

describe('where the inside of the host is not as expected', () => {
  let give: () => void;
  beforeAll(async () => {
    await tf.setBackend('wasm');
    const { wasm } = tf.backend() as unknown as { wasm: { asm: object } };
    const { asm } = wasm;
    wasm.asm = { ...asm, memory: undefined };
    give = () => {
      wasm.asm = asm;
    };
    expect(hostWorkspace(tf.backend())).toBeUndefined();
  });
  afterAll(() => give());

  it('the host convolves, with the same results', async () => {
    // of a kind that the host gets right: its padding is wrong where strides are larger than kernels
    await fc.assert(fc.asyncProperty(winogradConvolutions, expectSameOnCpu), { numRuns: 20 });
  });
});
