import { expect, it } from 'vitest';
import { chooseThresholds } from '../../src/evaluation/thresholds';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { fitDecisions } from '../../src/prediction/fit_decisions';
import { impliedThreshold } from '../../src/prediction/implied_threshold';
import { memorySource, tinyBackbone } from '../support/memory_source';

const labels = ['a', 'b'];
const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels, seed: 2 });
const sourceOf = (count: number) =>
  memorySource({ patients: Array.from({ length: count }, (_, i) => `p${i}`), slices: () => 3 });
const logit = (p: number) => Math.log(p / (1 - p));

it.each([3, 12])('without a loss takes what is best on %i patients', async (count) => {
  const source = sourceOf(count);
  const { yTrue, probabilities, patients } = await collectPredictions(model, source);
  const best = chooseThresholds({ labels, yTrue, probabilities, patients });
  const { thresholds, chosen, implied } = await fitDecisions(model, source, { calibration: false });
  expect(thresholds).toEqual(best.thresholds);
  expect(chosen).toEqual(best);
  expect(implied).toBeUndefined();
});

it.each([3, 12, 40])('with a loss weighs %i patients against what the loss implies', async (count) => {
  const source = sourceOf(count);
  const loss = asymmetricLoss();
  const { yTrue, patients } = await collectPredictions(model, source);
  const { thresholds, chosen, implied } = await fitDecisions(model, source, { calibration: false, loss });
  expect(implied).toBe(await impliedThreshold(loss, chosen.pooledScore! / 5));
  labels.forEach((label, l) => {
    const has = (row: ArrayLike<number>) =>
      chosen.guarded.includes(label) ? Array.from(row).includes(1) : row[l] === 1;
    const n = new Set(patients.filter((_, i) => has(yTrue[i]!))).size;
    const expected = (n * logit(chosen.thresholds[l]!) + 10 * logit(implied!)) / (n + 10);
    expect(logit(thresholds[l]!)).toBeCloseTo(expected, 4);
  });
});

it('sees the implied threshold through the calibration', async () => {
  const source = sourceOf(12);
  const { thresholds, calibration, chosen, implied, fit } = await fitDecisions(model, source, {
    loss: asymmetricLoss(),
  });
  expect(fit!.calibration).toBe(calibration);
  const { scale, offset } = calibration!;
  labels.forEach((_, l) => {
    const drawnTo = logit(implied!) * scale[l]! + offset[l]!;
    const [low, high] = [drawnTo, logit(chosen.thresholds[l]!)].sort((x, y) => x - y) as [number, number];
    expect(logit(thresholds[l]!)).toBeGreaterThanOrEqual(low - 1e-4);
    expect(logit(thresholds[l]!)).toBeLessThanOrEqual(high + 1e-4);
  });
});
