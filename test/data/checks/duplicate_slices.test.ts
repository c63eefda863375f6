import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findDuplicateSlices } from '../../../src/data/checks/duplicate_slices';
import { checkNoLeak } from '../../../src/data/checks/leak_check';
import { derive, type PatientSource } from '../../../src/data/sources/patient_source';
import { ArgumentError, CtMultilabelError, DataError } from '../../../src/base/errors';
import { expectNoLeakAsync } from '../../support/matchers';

type Shape = [height: number, width: number, channels: number];

/** Patients with the given slices; notes how many stacks are alive when one is loaded. */
function pixelSource(study: Record<string, number[][]>, shape: Shape = [2, 2, 1], groups = false) {
  const alive: number[] = [];
  const source: PatientSource = {
    labels: ['x'],
    patients: Object.keys(study),
    sliceNames: (patient) => study[patient]!.map((_, i) => `${patient}_${i}`),
    sliceLabels: () => undefined,
    load: async (patient) => {
      alive.push(tf.memory().numTensors);
      const slices = study[patient]!;
      return {
        patient,
        slices: slices.map((_, i) => `${patient}_${i}`),
        images: tf.tensor4d(slices.flat(), [slices.length, ...shape]),
      };
    },
    ...(groups && { groupOf: (patient: string) => patient[0]! }),
  };
  return { source, alive };
}

const P = [0.1, 0.2, 0.3, 0.4];
const Q = [0.1, 0.2, 0.3, 0.5];
const AIR = [0, 0, 0, 0];
const at = (patient: string, index: number) => ({ patient, slice: `${patient}_${index}` });

afterEach(() => vi.unstubAllGlobals());

describe('findDuplicateSlices', () => {
  it('finds slices with equal pixels in different patients, in the same order however the patients come', async () => {
    const study = { c: [AIR, P], a: [Q, AIR, P], b: [Q, [...P].reverse()] };
    const expected = [
      [at('a', 0), at('b', 0)],
      [at('a', 2), at('c', 1)],
    ];
    for (const patients of ['abc', 'cba', 'bca']) {
      const order = Object.fromEntries([...patients].map((p) => [p, study[p as 'a']]));
      const found = await findDuplicateSlices(pixelSource(order).source);
      expect(found.map(({ slices }) => slices)).toEqual(expected);
    }
  });

  it('finds a slice whose neighbours, as further channels, are others', async () => {
    const [prior, next] = [Q, [...P].reverse()];
    // pixel by pixel: the slice before, the slice, the slice after
    const between = (before: number[], own: number[], after: number[]) =>
      own.flatMap((value, i) => [before[i]!, value, after[i]!]);
    const study = { a: [between(P, P, P)], b: [between(prior, P, next)], c: [between(P, next, P)] };
    const { source } = pixelSource(study, [2, 2, 3]);
    const found = await findDuplicateSlices(derive(source, { preprocessing: { neighbors: 1 } }));
    expect(found.map(({ slices }) => slices)).toEqual([[at('a', 0), at('b', 0)]]);
    // channels that are windows all count
    expect(await findDuplicateSlices(source)).toEqual([]);
  });

  it('gives the SHA-256 of shape and values', async () => {
    const [found] = await findDuplicateSlices(pixelSource({ a: [P], b: [P] }).source);
    const bytes = new Uint8Array(new Float32Array([2, 2, 1, ...P]).buffer);
    expect(found!.hash).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('orders the slices of a patient by their place, not by their name', async () => {
    const many = Array.from({ length: 11 }, (_, i) => (i === 2 || i === 10 ? P : AIR));
    const [found] = await findDuplicateSlices(pixelSource({ a: many, b: [P] }).source);
    expect(found!.slices).toEqual([at('a', 2), at('a', 10), at('b', 0)]);
  });

  it('leaves out blank slices, and takes 0 and -0 for equal', async () => {
    const { source } = pixelSource({ a: [AIR, [1, 1, 1, 1], [0, 1, 0, 1]], b: [AIR, [-0, 1, -0, 1]] });
    expect((await findDuplicateSlices(source)).map(({ slices }) => slices)).toEqual([
      [at('a', 2), at('b', 1)],
    ]);
  });

  it('tells slices of another shape apart', async () => {
    const wide = pixelSource({ a: [P] }, [1, 4, 1]).source;
    const square = pixelSource({ b: [P] }).source;
    const both: PatientSource = {
      ...wide,
      patients: ['a', 'b'],
      load: (patient) => (patient === 'a' ? wide : square).load(patient),
    };
    expect(await findDuplicateSlices(both)).toEqual([]);
  });

  it('tells what is equal within one person only when asked', async () => {
    const study = { a1: [P, P], a2: [Q], a3: [Q], b1: [[1, 2, 3, 4]] };
    const { source } = pixelSource(study, [2, 2, 1], true);
    const slices = async (options: Parameters<typeof findDuplicateSlices>[1]) =>
      (await findDuplicateSlices(source, options)).map((found) => found.slices);
    expect(await slices({})).toEqual([]);
    expect(await slices({ groupBy: (id) => id })).toEqual([[at('a2', 0), at('a3', 0)]]);
    expect(await slices({ withinGroup: true })).toEqual([
      [at('a1', 0), at('a1', 1)],
      [at('a2', 0), at('a3', 0)],
    ]);
  });

  it('has one patient in memory at a time, leaves no tensor and reports each patient', async () => {
    const { source, alive } = pixelSource({ a: [P], b: [Q], c: [P] });
    const onProgress = vi.fn();
    const before = tf.memory().numTensors;
    await findDuplicateSlices(source, { onProgress });
    expect(alive).toEqual([before, before, before]);
    expect(onProgress.mock.calls.map(([progress]) => progress)).toEqual([
      { patient: 'a', done: 1, total: 3 },
      { patient: 'b', done: 2, total: 3 },
      { patient: 'c', done: 3, total: 3 },
    ]);
    await expectNoLeakAsync(() => findDuplicateSlices(source));
  });

  it('lets the leak check find a scan that was given out under two names', async () => {
    const { source } = pixelSource({ a: [P, Q], b: [P, Q], c: [AIR] });
    const duplicates = await findDuplicateSlices(source);
    checkNoLeak({ train: ['a', 'b'], validation: ['c'] }, { duplicates });
    expect(() => checkNoLeak({ train: ['a', 'c'], validation: ['b'] }, { duplicates })).toThrow(DataError);
  });

  it('says what is missing on a page that is not secure', async () => {
    vi.stubGlobal('crypto', {});
    await expect(findDuplicateSlices(pixelSource({ a: [P] }).source)).rejects.toThrow(CtMultilabelError);
    await expect(findDuplicateSlices(pixelSource({ a: [P] }).source)).rejects.toThrow(/crypto\.subtle/);
  });

  it.each([
    ['a misspelt option', { within: true }, /option 'within'/],
    ['a groupBy that is no function', { groupBy: 1 }, /groupBy.*a function/],
    ['a withinGroup that is no boolean', { withinGroup: 1 }, /withinGroup.*a boolean/],
  ])('refuses %s', async (_, options, message) => {
    const run = findDuplicateSlices(pixelSource({ a: [P] }).source, options as never);
    await expect(run).rejects.toThrow(ArgumentError);
    await expect(run).rejects.toThrow(message);
  });
});
