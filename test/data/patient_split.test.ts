import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitByPatient } from '../../src/data/patient_split';
import { ArgumentError } from '../../src/errors';
import { seededRandom, shuffled } from '../../src/random';

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 60 });
const seeds = fc.integer();
const fractions = fc.double({ min: 0.01, max: 0.99, noNaN: true });

/** Patients with 0/1 vectors of three labels. */
const labelled = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 60 })
  .chain((patients) =>
    fc
      .array(fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1)), {
        minLength: patients.length,
        maxLength: patients.length,
      })
      .map((vectors) => new Map<string, readonly number[]>(patients.map((p, i) => [p, vectors[i]!]))),
  );

describe('splitByPatient', () => {
  it('puts every patient on one side, also when ids repeat', () => {
    fc.assert(
      fc.property(ids, seeds, fractions, (patients, seed, validationFraction) => {
        const { train, validation } = splitByPatient([...patients, ...patients], {
          seed,
          validationFraction,
        });
        expect([...train, ...validation].sort()).toEqual([...patients].sort());
        if (patients.length > 1) {
          expect(train.length).toBeGreaterThan(0);
          expect(validation.length).toBeGreaterThan(0);
          const wanted = Math.round(validationFraction * patients.length);
          expect(validation.length).toBe(Math.min(Math.max(wanted, 1), patients.length - 1));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('depends on the seed and the set of patients, not on their order', () => {
    const study = Array.from({ length: 62 }, (_, i) => `ID_${i}`);
    const split = splitByPatient(study, { seed: 3 });
    expect(split.validation).toHaveLength(6);
    expect(splitByPatient(shuffled(study, seededRandom(1)), { seed: 3 })).toEqual(split);
    expect(splitByPatient(study, { seed: 4 })).not.toEqual(split);
  });

  it('draws each patient about equally often', () => {
    const study = Array.from({ length: 10 }, (_, i) => `ID_${i}`);
    const drawn = new Map<string, number>();
    for (let seed = 0; seed < 1000; seed++) {
      const [patient] = splitByPatient(study, { seed }).validation;
      drawn.set(patient!, (drawn.get(patient!) ?? 0) + 1);
    }
    // 100 each expected, deviation 9.5
    for (const patient of study) expect(drawn.get(patient)).toBeGreaterThan(60);
  });

  it('keeps the only patient for training', () => {
    expect(splitByPatient(['a', 'a'], { seed: 0, validationFraction: 0.9 })).toEqual({
      train: ['a'],
      validation: [],
    });
  });
});

describe('splitByPatient with stratifyBy', () => {
  it('is a split too, seeded and independent of the order', () => {
    fc.assert(
      fc.property(labelled, seeds, fractions, (labels, seed, validationFraction) => {
        const patients = [...labels.keys()];
        const options = { seed, validationFraction, stratifyBy: labels };
        const split = splitByPatient(patients, options);
        expect([...split.train, ...split.validation].sort()).toEqual([...patients].sort());
        if (patients.length > 1) {
          expect(split.train.length).toBeGreaterThan(0);
          expect(split.validation.length).toBeGreaterThan(0);
        }
        expect(splitByPatient(patients.reverse(), options)).toEqual(split);
      }),
      { numRuns: 100 },
    );
  });

  it('divides the rarest label within one patient of the fraction', () => {
    fc.assert(
      fc.property(labelled, seeds, fractions, (labels, seed, validationFraction) => {
        const counts = [0, 1, 2].map((l) => [...labels.values()].reduce((n, v) => n + v[l]!, 0));
        const rarest = counts.reduce(
          (best, n, l) => (n > 0 && (best < 0 || n < counts[best]!) ? l : best),
          -1,
        );
        const { validation, train } = splitByPatient([...labels.keys()], {
          seed,
          validationFraction,
          stratifyBy: labels,
        });
        // a side of one patient may have been filled only so as not to be empty
        if (rarest < 0 || validation.length === 1 || train.length === 1) return;
        const got = validation.reduce((n, patient) => n + labels.get(patient)![rarest]!, 0);
        expect(Math.abs(got - validationFraction * counts[rarest]!)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps label shares far better than a plain draw', () => {
    const random = seededRandom(5);
    const prevalence = [0.25, 0.08, 0.08, 0.12, 0.3];
    const labels = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`p${i}`, prevalence.map((p) => (random() < p ? 1 : 0))]),
    );
    const patients = Object.keys(labels);
    const total = prevalence.map((_, l) => patients.reduce((n, p) => n + labels[p]![l]!, 0));
    const deviation = (validation: string[]) =>
      total.reduce(
        (sum, n, l) => sum + Math.abs(validation.reduce((m, p) => m + labels[p]![l]!, 0) - 0.2 * n),
        0,
      );
    let plain = 0;
    let stratified = 0;
    for (let seed = 0; seed < 50; seed++) {
      plain += deviation(splitByPatient(patients, { seed, validationFraction: 0.2 }).validation);
      const split = splitByPatient(patients, { seed, validationFraction: 0.2, stratifyBy: labels });
      stratified += deviation(split.validation);
      expect(Math.abs(split.validation.length - 20)).toBeLessThanOrEqual(3);
    }
    expect(stratified).toBeLessThan(plain / 2);
  });

  it('takes a function, a Map or a record', () => {
    const record = { a: [1, 0], b: [1, 0], c: [0, 1], d: [0, 1] };
    const options = { seed: 2, validationFraction: 0.5 };
    const split = splitByPatient(Object.keys(record), { ...options, stratifyBy: record });
    expect(
      splitByPatient(Object.keys(record), { ...options, stratifyBy: new Map(Object.entries(record)) }),
    ).toEqual(split);
    expect(splitByPatient(Object.keys(record), { ...options, stratifyBy: (p) => record[p as 'a'] })).toEqual(
      split,
    );
    const has = (label: number) => split.validation.filter((p) => record[p as 'a'][label] === 1).length;
    expect([has(0), has(1)]).toEqual([1, 1]);
  });
});

describe('splitByPatient: bad arguments', () => {
  it.each([
    ['no patient', () => splitByPatient([], { seed: 1 }), /patientIds.*at least one patient/],
    ['an empty id', () => splitByPatient(['a', ''], { seed: 1 }), /patientIds.*non-empty.*""/],
    ['no seed', () => splitByPatient(['a'], {} as { seed: number }), /seed.*an integer.*undefined/],
    [
      'fraction 0',
      () => splitByPatient(['a'], { seed: 1, validationFraction: 0 }),
      /validationFraction.*\(0, 1\).*0/,
    ],
    [
      'fraction 1',
      () => splitByPatient(['a'], { seed: 1, validationFraction: 1 }),
      /validationFraction.*received 1/,
    ],
    [
      'a patient without labels',
      () => splitByPatient(['a'], { seed: 1, stratifyBy: {} }),
      /stratifyBy of patient a/,
    ],
    [
      'an inherited name',
      () => splitByPatient(['toString'], { seed: 1, stratifyBy: {} }),
      /stratifyBy of patient toString.*undefined/,
    ],
    [
      'a label that is not 0 or 1',
      () => splitByPatient(['a'], { seed: 1, stratifyBy: { a: [2] } }),
      /patient a.*0 and 1.*\[2\]/,
    ],
    [
      'vectors of two lengths',
      () => splitByPatient(['a', 'b'], { seed: 1, stratifyBy: { a: [1], b: [1, 0] } }),
      /as many labels as patient/,
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
