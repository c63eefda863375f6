import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { impliedThreshold } from '../../src/prediction/implied_threshold';
import { expectNoLeakAsync } from '../support/matchers';

const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });

it('is the share itself for the cross entropy', async () => {
  const crossEntropy = (y: tf.Tensor, x: tf.Tensor) => tf.losses.sigmoidCrossEntropy(y, x);
  await fc.assert(
    fc.asyncProperty(share, async (s) => {
      expect(Math.abs((await impliedThreshold(crossEntropy, s)) - s)).toBeLessThan(2e-3);
    }),
    { numRuns: 10 },
  );
});

it('is where the expected asymmetric loss is smallest', async () => {
  const risk = (p: number, s: number) => {
    const q = Math.max(p - 0.05, 0);
    return -s * (1 - p) * Math.log(p) - (1 - s) * q ** 4 * Math.log(1 - q);
  };
  await fc.assert(
    fc.asyncProperty(share, async (s) => {
      const grid = Array.from({ length: 9999 }, (_, i) => (i + 1) / 10_000);
      const smallest = Math.min(...grid.map((p) => risk(p, s)));
      const found = await impliedThreshold(asymmetricLoss(), s);
      expect(risk(found, s)).toBeLessThan(smallest + 1e-5);
    }),
    { numRuns: 10 },
  );
  expect(await impliedThreshold(asymmetricLoss(), 0.08)).toBeCloseTo(0.45, 2);
});

it('leaves no tensor behind', async () => {
  await expectNoLeakAsync(async () => {
    await impliedThreshold(asymmetricLoss(), 0.1);
  });
});
