import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import {
  bootstrapDifference,
  bootstrapInterval,
  type BootstrapOptions,
} from '../../src/evaluation/bootstrap';
import { deriveSeed, seededRandom } from '../../src/base/random';

const mean = (sample: readonly number[]) => sample.reduce((a, b) => a + b, 0) / sample.length;
const few = { resamples: 60 };

describe('bootstrapInterval', () => {
  it('covers the true mean about as often as it says', () => {
    let covered = 0;
    const studies = 300;
    for (let study = 0; study < studies; study++) {
      const random = seededRandom(deriveSeed(5, study));
      // a sum of uniform numbers, whose mean is 2
      const patients = Array.from({ length: 40 }, () => random() + random() + random() + random());
      const { low, high } = bootstrapInterval(patients, mean, { resamples: 300, seed: study });
      if (low! <= 2 && 2 <= high!) covered++;
    }
    expect(covered / studies).toBeGreaterThan(0.89);
    expect(covered / studies).toBeLessThan(0.985);
  });

  it('is as wide as theory has it', () => {
    const random = seededRandom(2);
    const patients = Array.from({ length: 400 }, () => (random() < 0.3 ? 1 : 0));
    const { estimate, low, high } = bootstrapInterval(patients, mean, { seed: 4 });
    const deviation = Math.sqrt((estimate! * (1 - estimate!)) / 400);
    expect((high! - low!) / (2 * 1.96 * deviation)).toBeCloseTo(1, 1);
    const narrow = bootstrapInterval(patients, mean, { seed: 4, level: 0.5 });
    expect((narrow.high! - narrow.low!) / (2 * 0.6745 * deviation)).toBeCloseTo(1, 0);
  });

  it('draws whole patients: slices that are alike do not make it narrower', () => {
    const random = seededRandom(8);
    const values = Array.from({ length: 50 }, () => random());
    const slices = (n: number) => values.map((value) => Array.from({ length: n }, () => value));
    const ofAll = (sample: readonly number[][]) => mean(sample.flat());
    const once = bootstrapInterval(slices(1), ofAll, { resamples: 200 });
    const often = bootstrapInterval(slices(30), ofAll, { resamples: 200 });
    expect(often.low).toBeCloseTo(once.low!, 10);
    expect(often.high).toBeCloseTo(once.high!, 10);
  });

  it('is the same for the same seed, another for another, and holds the extremes of the data', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (patients, seed) => {
          const options = { ...few, seed };
          const interval = bootstrapInterval(patients, mean, options);
          expect(bootstrapInterval(patients, mean, options)).toEqual(interval);
          expect(interval.estimate).toBe(mean(patients));
          expect(interval.low).toBeLessThanOrEqual(interval.high!);
          expect(interval.low).toBeGreaterThanOrEqual(Math.min(...patients));
          expect(interval.high).toBeLessThanOrEqual(Math.max(...patients));
        },
      ),
    );
    const patients = Array.from({ length: 20 }, (_, i) => i);
    expect(bootstrapInterval(patients, mean, { seed: 1 })).not.toEqual(
      bootstrapInterval(patients, mean, { seed: 2 }),
    );
    expect(bootstrapInterval(patients, mean, { seed: 0 })).toEqual(bootstrapInterval(patients, mean));
    expect(bootstrapInterval(patients, mean).resamples).toBe(2000);
  });

  it('takes the values between the nearest resamples, as NumPy does', () => {
    let call = 0;
    const { low, high, estimate } = bootstrapInterval([0], () => call++, { resamples: 5, level: 0.6 });
    expect(estimate).toBe(0);
    // resamples 1 to 5: numpy.quantile([1, 2, 3, 4, 5], [0.2, 0.8])
    expect(low).toBeCloseTo(1.8, 12);
    expect(high).toBeCloseTo(4.2, 12);
  });

  it('has no width for one patient', () => {
    expect(bootstrapInterval([3], mean, few)).toEqual({ estimate: 3, low: 3, high: 3, resamples: 60 });
  });

  it('leaves out resamples without a value, and counts the others', () => {
    const patients = [undefined, 1, undefined];
    const lastKnown = (sample: readonly (number | undefined)[]) =>
      sample.find((value) => value !== undefined);
    const interval = bootstrapInterval(patients, lastKnown, { resamples: 500 });
    expect(interval).toMatchObject({ estimate: 1, low: 1, high: 1 });
    expect(interval.resamples / 500).toBeCloseTo(1 - (2 / 3) ** 3, 1);
    expect(bootstrapInterval(patients, () => undefined, few)).toEqual({
      estimate: undefined,
      low: undefined,
      high: undefined,
      resamples: 0,
    });
  });

  it.each([
    [[], {}, 'patients: expected at least one patient'],
    [[1], { resamples: 0 }, 'resamples: expected a positive integer'],
    [[1], { level: 1 }, 'level: expected a number in (0, 1)'],
    [[1], { level: 95 }, 'level'],
    [[1], { seed: 0.5 }, 'seed: expected an integer'],
    [[1], { samples: 5 }, "option 'samples'"],
    [[NaN], {}, 'statistic: expected a finite number or undefined, received NaN'],
  ])('refuses patients %j with %j', (patients, options, message) => {
    const run = () => bootstrapInterval(patients, mean, options as BootstrapOptions);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('bootstrapDifference', () => {
  const random = seededRandom(6);
  const pairs = Array.from({ length: 60 }, () => {
    const easy = random(); // how easy the patient is, for both models
    return { ours: easy + 0.02 + 0.01 * random(), theirs: easy };
  });
  const ours = (sample: readonly { ours: number }[]) => mean(sample.map((pair) => pair.ours));
  const theirs = (sample: readonly { theirs: number }[]) => mean(sample.map((pair) => pair.theirs));

  it('tells models apart whose own intervals overlap', () => {
    const [first, second] = [bootstrapInterval(pairs, ours), bootstrapInterval(pairs, theirs)];
    expect(first.low!).toBeLessThan(second.high!);
    const { estimate, low, high } = bootstrapDifference(pairs, ours, theirs);
    expect(estimate).toBeCloseTo(ours(pairs) - theirs(pairs), 12);
    expect(low!).toBeGreaterThan(0.02);
    expect(high!).toBeLessThan(0.03);
  });

  it('is nothing between a model and itself, and turns round with the order', () => {
    expect(bootstrapDifference(pairs, ours, ours, few)).toEqual({
      estimate: 0,
      low: 0,
      high: 0,
      resamples: 60,
    });
    const [there, back] = [
      bootstrapDifference(pairs, ours, theirs, few),
      bootstrapDifference(pairs, theirs, ours, few),
    ];
    expect(back.low).toBeCloseTo(-there.high!, 12);
    expect(back.high).toBeCloseTo(-there.low!, 12);
  });

  it('counts the resamples where both have a value', () => {
    const known = (sample: readonly number[]) => (sample.includes(1) ? 1 : undefined);
    const { estimate, resamples } = bootstrapDifference([1, 2], known, () => 0, { resamples: 400 });
    expect(estimate).toBe(1);
    expect(resamples / 400).toBeCloseTo(0.75, 1);
  });
});
