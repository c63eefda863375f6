import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/base/errors';
import { adam } from '../../../src/optimizers/adam';
import { applyStep } from '../../../src/training/steps/apply_step';
import { rateFactor } from '../../../src/training/steps/learning_rate';
import { expectClose, expectNoLeak } from '../../support/matchers';

const values = (variable: tf.Tensor) => [...variable.dataSync()];
/** A kernel and a bias, with gradients. */
function setup() {
  const kernel = tf.variable(tf.tensor2d([[1, -2], [3, 4]])); // prettier-ignore
  const bias = tf.variable(tf.tensor1d([0.5, -0.5]));
  const gradients = { [kernel.name]: tf.tensor2d([[3, 0], [0, -4]]), [bias.name]: tf.tensor1d([12, 0]) }; // prettier-ignore
  return { kernel, bias, gradients, dispose: () => tf.dispose([kernel, bias, gradients]) };
}

describe('applyStep', () => {
  it('scales gradients down to the norm, all variables together, and leaves smaller ones as they are', () => {
    for (const [clipNorm, factor] of [
      [6.5, 0.5],
      [13, 1],
      [100, 1],
    ] as const) {
      // prettier-ignore
      const { kernel, bias, gradients, dispose } = setup();
      const before = [values(kernel), values(bias)];
      applyStep(tf.train.sgd(1), gradients, { clipNorm });
      expectClose(
        values(kernel),
        before[0]!.map((value, i) => value - factor * [3, 0, 0, -4][i]!),
        1e-6,
      );
      expectClose(
        values(bias),
        before[1]!.map((value, i) => value - factor * [12, 0][i]!),
        1e-6,
      );
      dispose();
    }
  });

  it('clips with operations that WebGPU has room for: no sum of all tensors at once', async () => {
    const { gradients, dispose } = setup();
    const { kernelNames } = await tf.profile(() => {
      applyStep(tf.train.sgd(1), gradients, { clipNorm: 6.5 });
      return [];
    });
    expect(kernelNames).toContain('Sum');
    expect(kernelNames).not.toContain('AddN');
    dispose();
  });

  it('decays kernels and not biases, decoupled from the gradient: AdamW', () => {
    const [plain, decayed] = [setup(), setup()];
    applyStep(adam(0.1), plain.gradients, {});
    applyStep(adam(0.1), decayed.gradients, { weightDecay: 0.5 });
    expectClose(values(decayed.bias), values(plain.bias), 1e-7);
    // w (1 - rate * decay) and then the same step
    expectClose(
      values(decayed.kernel),
      values(plain.kernel).map((value, i) => value - 0.05 * [1, -2, 3, 4][i]!),
      1e-6,
    );
    [plain, decayed].forEach(({ dispose }) => dispose());
  });

  it('takes a share of the step where a variable has a smaller rate, the moments being the same', () => {
    const [whole, half] = [setup(), setup()];
    const [one, two] = [adam(0.1), adam(0.1)];
    applyStep(one, whole.gradients, {});
    applyStep(two, half.gradients, {}, (name) => (name === half.kernel.name ? 0.5 : 1));
    const moved = values(whole.kernel).map((value, i) => value - [1, -2, 3, 4][i]!);
    expectClose(
      values(half.kernel),
      moved.map((step, i) => [1, -2, 3, 4][i]! + step / 2),
      1e-6,
    );
    expectClose(values(half.bias), values(whole.bias), 1e-7);
    [whole, half].forEach(({ dispose }) => dispose());
    [one, two].forEach((optimizer) => optimizer.dispose());
  });

  it('refuses weight decay and rates with an optimizer that cannot have them', () => {
    const { gradients, dispose } = setup();
    expect(() => applyStep(tf.train.sgd(1), gradients, { weightDecay: 0.1 })).toThrow(ArgumentError);
    expect(() => applyStep(tf.train.sgd(1), gradients, {}, () => 0.5)).toThrow(
      /optimizer: expected adam\(\)/,
    );
    dispose();
  });

  it('leaks nothing', () => {
    const { gradients, dispose } = setup();
    const optimizer = adam(0.1);
    applyStep(optimizer, gradients, { clipNorm: 1, weightDecay: 0.1 }, () => 0.5);
    expectNoLeak(() => applyStep(optimizer, gradients, { clipNorm: 1, weightDecay: 0.1 }, () => 0.5));
    optimizer.dispose();
    dispose();
  });
});

describe('rateFactor', () => {
  it('rises to 1 over the warm-up, and falls along half a cosine to 0', () => {
    const schedule = { warmupEpochs: 2, decay: 'cosine' } as const;
    const at = (done: number) => rateFactor(schedule, done, 10);
    [[0, 0], [1, 0.5], [2, 1], [6, 0.5], [10, 0]].forEach(([done, factor]) => expect(at(done!)).toBeCloseTo(factor!, 9)); // prettier-ignore
    expect(rateFactor({}, 7, 10)).toBe(1);
  });

  it('stays in [0, 1]', () => {
    const any = fc.double({ min: 0, max: 20, noNaN: true });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 1, max: 20 }), (warmupEpochs, done, epochs) => {
        const factor = rateFactor({ warmupEpochs, decay: 'cosine' }, done, epochs);
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
      }),
    );
  });
});
