import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kFoldByPatient, nestedKFoldByPatient } from '../../../src/data/splits/patient_folds';
import { splitMeasures } from '../../../src/data/splits/split_measures';
import { ArgumentError } from '../../../src/base/errors';
import { seededRandom, shuffled } from '../../../src/base/random';
import { randomStudy, rarestLabel, studies } from './random_study';

const seeds = fc.integer();
/** Half of the ids are second scans of the other half: `a+` is of `a`. */
const personOf = (id: string) => id.replace(/\+$/, '');

describe('kFoldByPatient', () => {
  it('has every patient in validation once per repeat, and no empty fold', () => {
    fc.assert(
      fc.property(
        studies(6),
        seeds,
        fc.integer({ min: 2, max: 6 }),
        fc.boolean(),
        (labels, seed, folds, plain) => {
          const patients = [...labels.keys()];
          const result = kFoldByPatient([...patients, ...patients], {
            folds,
            repeats: 2,
            seed,
            ...(!plain && { stratifyBy: labels }),
          });
          expect(result.map(({ repeat, fold }) => [repeat, fold])).toEqual(
            [0, 1].flatMap((repeat) => Array.from({ length: folds }, (_, fold) => [repeat, fold])),
          );
          for (const repeat of [0, 1]) {
            const own = result.filter((fold) => fold.repeat === repeat);
            expect(own.flatMap(({ validation }) => validation).sort()).toEqual([...patients].sort());
          }
          for (const { train, validation } of result) {
            expect(validation.length).toBeGreaterThan(0);
            expect([...train, ...validation].sort()).toEqual([...patients].sort());
            expect(train).toEqual([...train].sort());
            expect(validation).toEqual([...validation].sort());
            if (plain) {
              const share = patients.length / folds;
              expect([Math.floor(share), Math.ceil(share)]).toContain(validation.length);
            }
          }
        },
      ),
    );
  });

  it('depends on the seed and the set of patients, not on their order; repeats are draws of their own', () => {
    fc.assert(
      fc.property(studies(5), seeds, (labels, seed) => {
        const patients = [...labels.keys()];
        const folds = kFoldByPatient(patients, { seed, stratifyBy: labels });
        expect(kFoldByPatient(shuffled(patients, seededRandom(seed)), { seed, stratifyBy: labels })).toEqual(
          folds,
        );
        expect(kFoldByPatient(patients, { seed, repeats: 2, stratifyBy: labels }).slice(0, 5)).toEqual(folds);
      }),
      { numRuns: 50 },
    );
    const study = randomStudy(1, 62, [0.2, 0.1]);
    const sides = (seed: number) =>
      kFoldByPatient([...study.keys()], { seed, repeats: 2, stratifyBy: study }).map((f) => f.validation);
    expect(sides(1).slice(0, 5)).not.toEqual(sides(1).slice(5));
    expect(sides(1)).not.toEqual(sides(2));
  });

  it('spreads the rarest label evenly: it is in every fold where it has enough patients', () => {
    fc.assert(
      fc.property(studies(6), seeds, fc.integer({ min: 2, max: 6 }), (labels, seed, folds) => {
        const rarest = rarestLabel([...labels.values()]);
        fc.pre(rarest >= 0);
        const count = (ids: readonly string[]) => ids.filter((id) => labels.get(id)![rarest] === 1).length;
        const all = count([...labels.keys()]);
        for (const { validation } of kFoldByPatient([...labels.keys()], {
          folds,
          seed,
          stratifyBy: labels,
        })) {
          expect([Math.floor(all / folds), Math.ceil(all / folds)]).toContain(count(validation));
        }
      }),
    );
  });

  it('divides rare labels far more evenly than a plain draw', () => {
    const means = { plain: [0, 0, 0, 0], stratified: [0, 0, 0, 0] };
    const runs = 60;
    for (let seed = 0; seed < runs; seed++) {
      const labels = randomStudy(seed, 62, [0.25, 0.08, 0.1, 0.06, 0.3]);
      for (const kind of ['plain', 'stratified'] as const) {
        const folds = kFoldByPatient([...labels.keys()], {
          seed,
          ...(kind === 'stratified' && { stratifyBy: labels }),
        });
        const measures = splitMeasures(
          folds.map(({ validation }) => validation),
          labels,
        );
        [
          measures.labelDistribution,
          measures.exampleDistribution,
          measures.foldsWithoutPositives,
          measures.foldLabelPairsWithoutPositives,
        ].forEach((value, i) => (means[kind][i]! += value / runs));
      }
    }
    const [plain, stratified] = [means.plain, means.stratified];
    expect(stratified[0]).toBeLessThan(0.6 * plain[0]!);
    expect(stratified[1]).toBeLessThan(1);
    expect(stratified[2]).toBeLessThan(plain[2]!);
    expect(stratified[3]).toBeLessThan(plain[3]!);
  });

  it('keeps the scans of a person together, who counts once', () => {
    fc.assert(
      fc.property(studies(6), seeds, (labels, seed) => {
        fc.pre([...labels.keys()].every((id) => !id.endsWith('+')));
        const scans = new Map(
          [...labels].flatMap(([id, row]) => [[id, row] as const, [`${id}+`, row] as const]),
        );
        const options = { seed, folds: 3, stratifyBy: scans, groupBy: personOf };
        const grouped = kFoldByPatient([...scans.keys()], options);
        for (const { train, validation } of grouped) {
          const persons = new Set(validation.map(personOf));
          expect(validation).toHaveLength(2 * persons.size);
          expect(train.filter((id) => persons.has(personOf(id)))).toEqual([]);
        }
        // a person is named by the scan that sorts first: with '+' only ever appended, the order of persons stays
        const single = kFoldByPatient([...labels.keys()], { seed, folds: 3, stratifyBy: labels });
        expect(grouped.map(({ validation }) => [...new Set(validation.map(personOf))].sort())).toEqual(
          single.map(({ validation }) => validation),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('gives a person the labels of any of the scans', () => {
    // three of nine persons have the label, on the second scan only
    const ids = Array.from({ length: 9 }, (_, i) => [`${i}`, `${i}+`]).flat();
    const stratifyBy = (id: string) => [/^[036]\+$/.test(id) ? 1 : 0];
    for (let seed = 0; seed < 10; seed++) {
      const folds = kFoldByPatient(ids, { folds: 3, seed, groupBy: personOf, stratifyBy });
      const having = folds.map(({ validation }) => validation.filter((id) => stratifyBy(id)[0] === 1).length);
      expect(having).toEqual([1, 1, 1]);
    }
  });

  it.each([
    ['more folds than patients', () => kFoldByPatient(['a', 'b'], { seed: 1, folds: 3 }), /folds.*is 2.*3/],
    [
      'more folds than persons',
      () => kFoldByPatient(['a', 'a+', 'b'], { seed: 1, folds: 3, groupBy: personOf }),
      /folds.*is 2.*3/,
    ],
    ['one fold', () => kFoldByPatient(['a', 'b'], { seed: 1, folds: 1 }), /folds.*from 2.*1/],
    ['half a repeat', () => kFoldByPatient(['a', 'b'], { seed: 1, folds: 2, repeats: 0.5 }), /repeats.*0\.5/],
    ['no seed', () => kFoldByPatient(['a', 'b'], { folds: 2 } as never), /seed.*undefined/],
    ['no options', () => kFoldByPatient(['a', 'b', 'c', 'd', 'e'], undefined as never), /options.*undefined/],
    ['a misspelt option', () => kFoldByPatient(['a', 'b'], { seed: 1, fold: 2 } as never), /option 'fold'/],
    [
      'a groupBy that is no function',
      () => kFoldByPatient(['a', 'b'], { seed: 1, groupBy: {} as never }),
      /groupBy.*a function/,
    ],
    [
      'a patient of nobody',
      () => kFoldByPatient(['a', 'b'], { seed: 1, groupBy: () => undefined as never }),
      /groupBy of patient a.*undefined/,
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('nestedKFoldByPatient', () => {
  it('tests every patient once, and divides only the others in the inner folds', () => {
    fc.assert(
      fc.property(studies(8), seeds, fc.boolean(), (labels, seed, plain) => {
        const patients = [...labels.keys()];
        const options = { outerFolds: 4, innerFolds: 3, seed, ...(!plain && { stratifyBy: labels }) };
        const outer = nestedKFoldByPatient(patients, options);
        expect(outer.map(({ fold }) => fold)).toEqual([0, 1, 2, 3]);
        expect(outer.flatMap(({ test }) => test).sort()).toEqual([...patients].sort());
        for (const { train, test, inner } of outer) {
          expect([...train, ...test].sort()).toEqual([...patients].sort());
          expect(inner.map(({ fold }) => fold)).toEqual([0, 1, 2]);
          expect(inner.flatMap(({ validation }) => validation).sort()).toEqual(train);
          for (const fold of inner) {
            expect(fold.validation.length).toBeGreaterThan(0);
            expect([...fold.train, ...fold.validation].sort()).toEqual(train);
          }
        }
        expect(nestedKFoldByPatient(patients.reverse(), options)).toEqual(outer);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the scans of a person together on both levels', () => {
    const ids = Array.from({ length: 12 }, (_, i) => [`${i}`, `${i}+`]).flat();
    for (const { train, test, inner } of nestedKFoldByPatient(ids, { seed: 3, groupBy: personOf })) {
      const apart = (a: string[], b: string[]) =>
        expect(a.map(personOf).filter((person) => b.map(personOf).includes(person))).toEqual([]);
      apart(train, test);
      for (const fold of inner) apart(fold.train, fold.validation);
    }
  });

  it('has five outer and four inner folds unless told otherwise', () => {
    const outer = nestedKFoldByPatient([...randomStudy(1, 20, [0.5]).keys()], { seed: 1 });
    expect(outer).toHaveLength(5);
    for (const { inner } of outer) expect(inner).toHaveLength(4);
  });

  it.each([
    ['more outer folds than patients', { seed: 1, outerFolds: 6 }, /outerFolds.*is 5.*6/],
    ['more inner folds than are left', { seed: 1, outerFolds: 5, innerFolds: 5 }, /innerFolds.*is 4.*5/],
    ['a misspelt option', { seed: 1, folds: 2 }, /option 'folds'/],
    ['no seed', {}, /seed.*undefined/],
  ])('refuses %s', (_, options, message) => {
    const run = () => nestedKFoldByPatient(['a', 'b', 'c', 'd', 'e'], options as never);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
