import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDuplicateSlices } from '../../../src/data/checks/duplicate_slices';
import { checkNoLeak } from '../../../src/data/checks/leak_check';
import { cachedSource } from '../../../src/data/sources/cached_source';
import {
  disposeStack,
  patientLabels,
  subset,
  type PatientSource,
  type PatientStack,
} from '../../../src/data/sources/patient_source';
import { unionSource, type NamedStudy } from '../../../src/data/sources/union_source';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { expectNoLeakAsync } from '../../support/matchers';
import { patientBatches, sliceBatches } from '../../../src/training/batches/batches';
import { applyAugmentation } from '../../../src/transforms/random_augment';
import { memorySource, onlyPatientLabels } from '../../support/memory_source';

/** A study whose pixels say study, patient and slice; it can load single slices where `slices` is set. */
function study(
  name: string,
  sizes: readonly number[],
  kind: { slices?: boolean; augmented?: boolean; persons?: boolean; atOnce?: number } = {},
): NamedStudy {
  const patients = sizes.map((_, i) => `p${i}`);
  const names = (patient: string) => {
    const size = sizes[patients.indexOf(patient)];
    if (size === undefined) throw new Error(`${name} was asked for ${patient}`);
    return Array.from({ length: size }, (_, s) => `${patient}_${s}.png`);
  };
  const labels = (patient: string) => names(patient).map((_, s) => [s % 2, (name.length + s) % 2]);
  const load = async (patient: string, indices: readonly number[]): Promise<PatientStack> => {
    const value = (s: number, pixel: number) =>
      (name.charCodeAt(0) % 7) / 10 + patients.indexOf(patient) / 50 + s / 500 + pixel / 5000;
    return {
      patient,
      slices: indices.map((s) => names(patient)[s]!),
      images: tf.tensor4d(
        indices.flatMap((s) => Array.from({ length: 16 }, (_, pixel) => value(s, pixel))),
        [indices.length, 4, 4, 1],
      ),
      labels: tf.tensor2d(indices.map((s) => labels(patient)[s]!)),
    };
  };
  const all = (patient: string) => names(patient).map((_, s) => s);
  const source: PatientSource = {
    labels: ['x', 'y'],
    patients,
    sliceNames: names,
    sliceLabels: labels,
    load: (patient) => load(patient, all(patient)),
    ...(kind.slices && { loadSlices: load }),
    ...(kind.augmented && {
      loadAugmented: async (patient, draw, indices = all(patient)) => {
        const stack = await load(patient, indices);
        const images = applyAugmentation(stack.images, draw);
        stack.images.dispose();
        return { ...stack, images };
      },
    }),
    ...(kind.persons && { groupOf: (patient: string) => `person ${patient === 'p0' ? 'p1' : patient}` }),
    ...(kind.atOnce && { loadsAtOnce: kind.atOnce }),
  };
  return { name, source };
}

/** A stack as plain data, freed. */
async function plain(stack: PatientStack) {
  const { patient, slices, images, labels } = stack;
  const [pixels, rows] = [await images.array(), await labels?.array()];
  disposeStack(stack);
  return { patient, slices, pixels, rows };
}

const kinds = fc.record({
  slices: fc.boolean(),
  augmented: fc.boolean(),
  persons: fc.boolean(),
  atOnce: fc.integer({ min: 0, max: 4 }),
});
const parts = fc.array(fc.tuple(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }), kinds), {
  minLength: 1,
  maxLength: 3,
});

describe('unionSource', () => {
  it('equals its parts: names, labels, persons, pixels, order; whatever the parts can do', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.infiniteStream(fc.nat(1000)), async (described, draws) => {
        const next = () => draws.next().value!;
        const studies = described.map(([sizes, kind], i) => study('abc'[i]!, sizes, kind));
        const union = unionSource(studies);
        expect(union.labels).toEqual(['x', 'y']);
        expect(union.patients).toEqual(
          studies.flatMap(({ name, source }) => source.patients.map((patient) => `${name}/${patient}`)),
        );
        expect(union.loadsAtOnce ?? 1).toBe(
          Math.max(...studies.map(({ source }) => source.loadsAtOnce ?? 1)),
        );
        expect(union.loadAugmented === undefined).toBe(studies.some(({ source }) => !source.loadAugmented));
        const persons = studies.some(({ source }) => source.groupOf);
        expect(union.groupOf === undefined).toBe(!persons);
        for (const { name, source } of studies) {
          for (const patient of source.patients) {
            const id = `${name}/${patient}`;
            expect(union.sliceNames(id)).toEqual(source.sliceNames(patient));
            expect(union.sliceLabels(id)).toEqual(source.sliceLabels(patient));
            expect(patientLabels(union, id)).toEqual(patientLabels(source, patient));
            if (persons) expect(union.groupOf!(id)).toBe(`${name}/${source.groupOf?.(patient) ?? patient}`);
            const whole = await plain(await source.load(patient));
            expect(await plain(await union.load(id))).toEqual({ ...whole, patient: id });
            const indices = [next(), next()].map((draw) => draw % whole.slices.length);
            if (union.loadSlices) {
              expect(await plain(await union.loadSlices(id, indices))).toEqual({
                patient: id,
                slices: indices.map((i) => whole.slices[i]),
                pixels: indices.map((i) => whole.pixels[i]),
                rows: indices.map((i) => whole.rows![i]),
              });
            }
          }
        }
        expect(union.loadSlices === undefined).toBe(studies.every(({ source }) => !source.loadSlices));
      }),
      { numRuns: 40 },
    );
  });

  it('has subsets that equal subsets of a part', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }), kinds, async (chosen, kind) => {
        const [a, b] = [study('a', [1, 2]), study('b', [3, 1, 2, 4], kind)];
        const patients = chosen.map((i) => `p${i}`);
        const expected = unionSource([{ name: 'b', source: subset(b.source, patients) }]);
        const found = subset(
          unionSource([a, b]),
          patients.map((patient) => `b/${patient}`),
        );
        expect(found.patients).toEqual(expected.patients);
        for (const id of found.patients) {
          expect(found.sliceNames(id)).toEqual(expected.sliceNames(id));
          expect(found.sliceLabels(id)).toEqual(expected.sliceLabels(id));
          expect(await plain(await found.load(id))).toEqual(await plain(await expected.load(id)));
        }
        expect(() => found.sliceNames('a/p0')).toThrow(ArgumentError);
      }),
      { numRuns: 25 },
    );
  });

  it('gives batches of one augmentation, whoever augments', async () => {
    const options = { seed: 3, augment: { horizontalFlip: 0.5, rotation: 10 } };
    const batchesOf = async (...augmented: boolean[]) => {
      const union = unionSource([
        study('a', [2, 1], { augmented: augmented[0]!, slices: true }),
        study('b', [2, 3], { augmented: augmented[1]! }),
      ]);
      const read = [];
      for (const batches of [patientBatches(union, 1, options), sliceBatches(union, 1, 3, options)]) {
        for await (const { name, images, labels } of batches) {
          read.push({ name, images: await images.data(), labels: await labels.data() });
          tf.dispose([images, labels]);
        }
      }
      return read;
    };
    const expected = await batchesOf(false, false);
    expect(
      expected
        .map(({ name }) => name)
        .slice(0, 4)
        .sort(),
    ).toEqual(['patient a/p0', 'patient a/p1', 'patient b/p0', 'patient b/p1']);
    expect(await batchesOf(true, false)).toEqual(expected);
    expect(await batchesOf(true, true)).toEqual(expected);
  });

  it('takes labels of slices from one study and of whole patients from another', () => {
    const slices = memorySource({ patients: ['p'], slices: 3 });
    const union = unionSource([
      { name: 'a', source: slices },
      { name: 'b', source: onlyPatientLabels(slices) },
    ]);
    expect(union.sliceLabels('a/p')).toEqual(slices.sliceLabels('p'));
    expect(union.labelsOf!('a/p')).toBeUndefined();
    expect(union.sliceLabels('b/p')).toBeUndefined();
    expect(patientLabels(union, 'b/p')).toEqual(patientLabels(slices, 'p'));
    expect(patientLabels(union, 'a/p')).toEqual(patientLabels(slices, 'p'));
  });

  it('keeps equal ids apart, also of a union of unions and behind a cache', async () => {
    const inner = unionSource([study('a', [1]), study('b', [1])]);
    const union = cachedSource(unionSource([{ name: 'both', source: inner }, study('a', [1])]));
    expect(union.patients).toEqual(['both/a/p0', 'both/b/p0', 'a/p0']);
    for (const turn of [1, 2]) {
      const [first, second] = [
        await plain(await union.load('both/a/p0')),
        await plain(await union.load('both/b/p0')),
      ];
      expect(first.patient, `turn ${turn}`).toBe('both/a/p0');
      expect(first.pixels).not.toEqual(second.pixels);
      expect((await plain(await union.load('a/p0'))).pixels).toEqual(first.pixels);
    }
  });

  it('names the study in an error of a load, and frees what it took', async () => {
    const broken = study('b', [2, 2]);
    const where = { file: 'f.png', patient: 'p0', slice: 'p0_1.png' };
    broken.source.load = (patient) =>
      Promise.reject(patient === 'p0' ? new DataError('cannot be read', where) : new TypeError('a defect'));
    const union = unionSource([study('a', [2], { slices: true }), broken]);
    const error = await union.load('b/p0').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toBe(
      'study b: cannot be read (file f.png, patient p0, slice p0_1.png)',
    );
    expect((error as DataError).location).toEqual({ ...where, patient: 'b/p0' });
    await expect(union.loadSlices!('b/p1', [0])).rejects.toThrow(TypeError);
    await expect(union.load('p0')).rejects.toThrow(/a patient of the union, <study>\/<patient>.*"p0"/);
    const short = unionSource([study('a', [2]), study('b', [2], { slices: true })]);
    await expectNoLeakAsync(async () => {
      await expect(short.loadSlices!('a/p0', [5])).rejects.toThrow(
        /study a: expected at least 6 slices, found 2/,
      );
    });
  });

  it('refuses studies that are prepared in different ways, and says how those of one are', () => {
    const prepared = (name: string, imageSize?: number[]) => ({
      name,
      source: {
        ...memorySource({ patients: ['1'], slices: 1 }),
        ...(imageSize && { preprocessing: { imageSize } }),
      },
    });
    const a = prepared('a', [32, 32]);
    expect(unionSource([a, prepared('b', [32, 32])]).preprocessing).toEqual({ imageSize: [32, 32] });
    expect(unionSource([prepared('a'), prepared('b')]).preprocessing).toBeUndefined();
    for (const other of [prepared('b', [16, 16]), prepared('b')]) {
      expect(() => unionSource([a, other])).toThrow(
        /preprocessing of b: expected that of a, \{"imageSize":\[32,32\]\}, received/,
      );
    }
  });

  it('refuses studies that do not belong together', () => {
    const a = study('a', [1]);
    const labelled = (...labels: string[]) => ({ name: 'b', source: { ...study('b', [1]).source, labels } });
    expect(() => unionSource([a, labelled('x', 'z')])).toThrow(
      /labels of b: expected those of a, x, y, in this order; missing y; not among them z, received \["x","z"\]/,
    );
    expect(() => unionSource([a, labelled('y', 'x')])).toThrow(
      /labels of b: .*in this order, received \["y","x"\]/,
    );
    expect(() => unionSource([a, labelled('x')])).toThrow(/labels of b: .*missing y, received/);
    expect(() => unionSource([a, study('a', [2])])).toThrow(/each name once, received "a"/);
    for (const name of ['', 'a/b', '..', 'a\n']) {
      expect(() => unionSource([{ name, source: a.source }])).toThrow(DataError);
    }
    for (const studies of [[], undefined, [a.source], [{ name: 'a' }], [undefined]]) {
      expect(() => unionSource(studies as never)).toThrow(ArgumentError);
    }
  });

  it('lets equal slices of two studies be found, and a leak between them be named', async () => {
    const [a, b] = [study('a', [2, 1]), study('b', [2, 1], { persons: true })];
    const copied = { ...b.source, load: b.source.load };
    // p1 of b is p0 of a under another name
    copied.load = async (patient) =>
      patient === 'p1'
        ? { ...(await a.source.load('p0')), patient, slices: ['q.png'] }
        : b.source.load(patient);
    const union = unionSource([a, { name: 'b', source: { ...copied, sliceNames: b.source.sliceNames } }]);
    const duplicates = await findDuplicateSlices(union);
    expect(duplicates.map(({ slices }) => slices)).toEqual([
      [
        { patient: 'a/p0', slice: 'p0_0.png' },
        { patient: 'b/p1', slice: 'q.png' },
      ],
    ]);
    const groupBy = (id: string) => union.groupOf?.(id) ?? id;
    const together = { train: ['a/p0', 'b/p0', 'b/p1'], validation: ['a/p1'] };
    checkNoLeak(together, { duplicates, groupBy });
    const apart = { train: ['a/p0'], validation: ['a/p1', 'b/p0', 'b/p1'] };
    expect(() => checkNoLeak(apart, { duplicates, groupBy })).toThrow(
      /equal slices are on more than one side of the split: a\/p0\/p0_0\.png = b\/p1\/q\.png/,
    );
    // p0 of a and p0 of b are two persons, p0 and p1 of b one
    checkNoLeak({ train: ['a/p0'], validation: ['b/p0', 'b/p1'] }, { groupBy });
    expect(() => checkNoLeak({ train: ['b/p0'], validation: ['b/p1'] }, { groupBy })).toThrow(
      /b\/person p1 \(train as b\/p0, validation as b\/p1\)/,
    );
  });
});
