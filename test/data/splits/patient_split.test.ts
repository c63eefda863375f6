import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitByPatient, splitByShares } from '../../../src/data/splits/patient_split';
import { ArgumentError } from '../../../src/base/errors';
import { seededRandom, shuffled } from '../../../src/base/random';
import { rarestLabel, studies } from './random_study';

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 60 });
const seeds = fc.integer();
const fractions = fc.double({ min: 0.01, max: 0.99, noNaN: true });

const labelled = studies(1);

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

  it('keeps the draws of earlier versions, so that published splits can be made again', () => {
    const study = Array.from({ length: 20 }, (_, i) => `p${i}`);
    const stratifyBy = (id: string) => [4, 7].map((n) => (Number(id.slice(1)) % n === 0 ? 1 : 0));
    const plain = splitByPatient(study, { seed: 1, validationFraction: 0.25 });
    expect(plain.validation).toEqual(['p10', 'p16', 'p4', 'p5', 'p9']);
    const stratified = splitByPatient(study, { seed: 2, validationFraction: 0.25, stratifyBy });
    expect(stratified.validation).toEqual(['p10', 'p12', 'p13', 'p17', 'p7']);
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
        const rarest = rarestLabel([...labels.values()]);
        const { validation, train } = splitByPatient([...labels.keys()], {
          seed,
          validationFraction,
          stratifyBy: labels,
        });
        // a side of one patient may have been filled only so as not to be empty
        if (rarest < 0 || validation.length === 1 || train.length === 1) return;
        const count = (ids: readonly string[]) => ids.filter((id) => labels.get(id)![rarest] === 1).length;
        const wanted = validationFraction * count([...labels.keys()]);
        expect(Math.abs(count(validation) - wanted)).toBeLessThanOrEqual(1);
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

describe('splitByPatient with groupBy', () => {
  const personOf = (id: string) => id.slice(0, 2);

  it('keeps the scans of a person together', () => {
    const scans = Array.from({ length: 20 }, (_, i) => [`${10 + i}a`, `${10 + i}b`]).flat();
    const labels = Object.fromEntries(scans.map((scan, i) => [scan, [i % 3 === 0 ? 1 : 0]]));
    for (const stratifyBy of [undefined, labels]) {
      for (let seed = 0; seed < 20; seed++) {
        const { train, validation } = splitByPatient(scans, {
          seed,
          validationFraction: 0.3,
          groupBy: personOf,
          ...(stratifyBy && { stratifyBy }),
        });
        const persons = new Set(validation.map(personOf));
        expect(validation).toHaveLength(2 * persons.size);
        expect(train.filter((scan) => persons.has(personOf(scan)))).toEqual([]);
        if (stratifyBy === undefined) expect(persons.size).toBe(6);
      }
    }
  });

  it('is the split without it where everyone has one scan', () => {
    fc.assert(
      fc.property(labelled, seeds, fractions, (stratifyBy, seed, validationFraction) => {
        const options = { seed, validationFraction, stratifyBy };
        const patients = [...stratifyBy.keys()];
        expect(splitByPatient(patients, { ...options, groupBy: (id) => `person of ${id}` })).toEqual(
          splitByPatient(patients, options),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the only person for training', () => {
    expect(splitByPatient(['b', 'a'], { seed: 1, validationFraction: 0.9, groupBy: () => 'x' })).toEqual({
      train: ['a', 'b'],
      validation: [],
    });
  });
});

describe('splitByShares', () => {
  const shares = { train: 0.7, validation: 0.15, test: 0.15 };

  it('divides patients among all sides, none empty, in whatever order they come', () => {
    fc.assert(
      fc.property(studies(3), seeds, fc.boolean(), (labels, seed, plain) => {
        const patients = [...labels.keys()];
        const options = { shares, seed, ...(!plain && { stratifyBy: labels }) };
        const split = splitByShares(patients, options);
        expect(Object.keys(split)).toEqual(['train', 'validation', 'test']);
        expect(Object.values(split).flat().sort()).toEqual([...patients].sort());
        for (const side of Object.values(split)) expect(side.length).toBeGreaterThan(0);
        expect(splitByShares(patients.reverse(), options)).toEqual(split);
      }),
    );
  });

  it('gives each side its share of the patients and of a label', () => {
    const patients = Array.from({ length: 100 }, (_, i) => `p${i}`);
    const stratifyBy = (id: string) => [Number(id.slice(1)) % 5 === 0 ? 1 : 0];
    for (let seed = 0; seed < 20; seed++) {
      const plain = splitByShares(patients, { shares, seed });
      expect(Object.values(plain).map((side) => side.length)).toEqual([70, 15, 15]);
      const { train, validation, test } = splitByShares(patients, { shares, seed, stratifyBy });
      expect([train, validation, test].map((side) => side.length)).toEqual([70, 15, 15]);
      const having = (side: string[]) => side.filter((id) => stratifyBy(id)[0] === 1).length;
      expect([train, validation, test].map(having)).toEqual([14, 3, 3]);
    }
  });

  it.each([
    [
      'shares of another sum',
      () => splitByShares(['a', 'b'], { shares: { x: 0.5, y: 0.6 }, seed: 1 }),
      /sum is 1/,
    ],
    ['a share of 0', () => splitByShares(['a', 'b'], { shares: { x: 1, y: 0 }, seed: 1 }), /above 0/],
    ['no shares', () => splitByShares(['a', 'b'], { seed: 1 } as never), /shares.*undefined/],
    ['no seed', () => splitByShares(['a', 'b'], { shares: { x: 0.5, y: 0.5 } } as never), /seed/],
    [
      'fewer patients than sides',
      () => splitByShares(['a', 'b'], { shares, seed: 1 }),
      /for each of 3 sides/,
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
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
