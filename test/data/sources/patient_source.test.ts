import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  disposeStack,
  patientLabels,
  patientTargets,
  prefetchPatients,
  subset,
  type PatientSource,
  type PatientStack,
} from '../../../src/data/sources/patient_source';
import { ArgumentError, DataError } from '../../../src/base/errors';

/** Three patients of two slices; records what is loaded, and fails for patients in `broken`. */
class FakeSource implements PatientSource {
  readonly labels = ['x', 'y'];
  readonly patients = ['a', 'b', 'c', 'd'];
  readonly started: string[] = [];
  constructor(
    private readonly broken: readonly string[] = [],
    private readonly unlabelled = false,
  ) {}
  sliceNames(patient: string) {
    return [`${patient}_0`, `${patient}_1`];
  }
  sliceLabels(patient: string) {
    if (this.unlabelled) return undefined;
    return (
      {
        a: [
          [0, 0],
          [0, 1],
        ],
        b: [
          [-1, 0],
          [0, -1],
        ],
      }[patient] ?? [
        [1, 1],
        [1, 0],
      ]
    );
  }
  async load(patient: string): Promise<PatientStack> {
    this.started.push(patient);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (this.broken.includes(patient)) throw new DataError('broken', { patient });
    return {
      patient,
      slices: this.sliceNames(patient),
      images: tf.zeros([2, 1, 1, 1]),
      labels: tf.tensor2d([
        [0, 0],
        [0, 1],
      ]),
    };
  }
  async loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack> {
    return { patient, slices: indices.map(String), images: tf.zeros([indices.length, 1, 1, 1]) };
  }
}

describe('patientLabels', () => {
  it('is 1 where any slice has the label; unlabelled entries do not count', () => {
    const source = new FakeSource();
    expect(patientLabels(source, 'a')).toEqual([0, 1]);
    expect(patientLabels(source, 'b')).toEqual([0, 0]);
    expect(patientLabels(source, 'c')).toEqual([1, 1]);
  });

  it('refuses an unknown patient and a source without labels', () => {
    expect(() => patientLabels(new FakeSource(), 'z')).toThrow(ArgumentError);
    expect(() => patientLabels(new FakeSource([], true), 'a')).toThrow(/no labels \(patient a\)/);
  });
});

describe('patientTargets', () => {
  const source = (slices: number[][] | undefined, whole?: number[]): PatientSource => ({
    labels: ['x', 'y'],
    patients: ['p'],
    sliceNames: () => (slices ?? []).map((_, i) => String(i)),
    sliceLabels: () => slices,
    ...(whole && { labelsOf: () => whole }),
    load: () => Promise.reject(new Error('no image is looked at')),
  });

  it('leave a label out where no slice is known to have it and some slice is not labelled', () => {
    const slices = [[0, 1], [-1, -1], [0, 0]]; // prettier-ignore
    expect(patientTargets(source(slices), 'p')).toEqual([-1, 1]);
    expect(patientLabels(source(slices), 'p')).toEqual([0, 1]);
    expect(patientTargets(source([[0, 1], [0, 0]]), 'p')).toEqual([0, 1]); // prettier-ignore
  });

  it("are the patient's own labels where the source has them", () => {
    expect(patientTargets(source([[1, 1]], [0, -1]), 'p')).toEqual([0, -1]);
    expect(() => patientTargets(source(undefined, [0]), 'p')).toThrow(
      /expected 0, 1 or -1 for each of 2 labels, found \[0\] \(patient p\)/,
    );
    expect(() => patientTargets(source(undefined), 'p')).toThrow(DataError);
  });
});

describe('subset', () => {
  it('is the source with fewer patients', async () => {
    const part = subset(new FakeSource(), ['c', 'a']);
    expect(part.patients).toEqual(['c', 'a']);
    expect(part.labels).toEqual(['x', 'y']);
    expect(part.sliceNames('a')).toEqual(['a_0', 'a_1']);
    expect(part.sliceLabels('a')).toEqual([
      [0, 0],
      [0, 1],
    ]);
    const stack = await part.load('c');
    expect(stack.patient).toBe('c');
    disposeStack(stack);
    const some = await part.loadSlices!('a', [1]);
    expect(some.slices).toEqual(['1']);
    disposeStack(some);
  });

  it('has loadSlices only where the source has', () => {
    const { labels, patients, load, sliceLabels, sliceNames } = new FakeSource();
    const plain: PatientSource = { labels, patients, load, sliceLabels, sliceNames };
    expect(subset(plain, ['a']).loadSlices).toBeUndefined();
  });

  it('refuses what it does not hold', async () => {
    const source = new FakeSource();
    expect(() => subset(source, ['z'])).toThrow(/patients of the source.*"z"/);
    expect(() => subset(source, ['a', 'a'])).toThrow(/each patient once/);
    const part = subset(source, ['a']);
    expect(() => part.sliceNames('b')).toThrow(/one of the patients of the subset.*"b"/);
    expect(() => part.sliceLabels('b')).toThrow(ArgumentError);
    await expect(part.load('b')).rejects.toThrow(ArgumentError);
    await expect(part.loadSlices!('b', [0])).rejects.toThrow(ArgumentError);
  });
});

describe('prefetchPatients', () => {
  it.each([0, 1, 2, 9])('yields every patient in order with ahead %i', async (ahead) => {
    const source = new FakeSource();
    const before = tf.memory().numTensors;
    const order = ['d', 'a', 'a', 'c'];
    const got: string[] = [];
    for await (const stack of prefetchPatients(source, order, { ahead })) {
      got.push(stack.patient);
      // the one in use and those ahead, never more
      expect(source.started.length).toBe(Math.min(got.length + ahead, order.length));
      disposeStack(stack);
    }
    expect(got).toEqual(order);
    expect(source.started).toEqual(order);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('throws at the turn of the patient that failed', async () => {
    const before = tf.memory().numTensors;
    const got: string[] = [];
    const run = async () => {
      for await (const stack of prefetchPatients(new FakeSource(['c']), ['a', 'b', 'c', 'd'], { ahead: 3 })) {
        got.push(stack.patient);
        disposeStack(stack);
        await new Promise((resolve) => setTimeout(resolve, 20)); // c has failed by now
      }
    };
    await expect(run()).rejects.toThrow(/broken \(patient c\)/);
    expect(got).toEqual(['a', 'b']);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('frees what waits when the loop is left early', async () => {
    const before = tf.memory().numTensors;
    for await (const stack of prefetchPatients(new FakeSource(['c']), ['a', 'b', 'c', 'd'], { ahead: 3 })) {
      disposeStack(stack);
      break;
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes an empty order', async () => {
    expect(await prefetchPatients(new FakeSource(), []).next()).toEqual({ done: true, value: undefined });
  });

  it('refuses bad arguments at the call', () => {
    expect(() => prefetchPatients(new FakeSource(), ['z'])).toThrow(/order.*"z"/);
    expect(() => prefetchPatients(new FakeSource(), ['a'], { ahead: -1 })).toThrow(/ahead.*-1/);
    expect(() => prefetchPatients(new FakeSource(), ['a'], { ahead: 1.5 })).toThrow(/ahead.*1\.5/);
  });
});
