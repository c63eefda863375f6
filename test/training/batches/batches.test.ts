import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { patientLabels, type PatientSource } from '../../../src/data/sources/patient_source';
import { DataError } from '../../../src/base/errors';
import { patientBatches, sliceBatches } from '../../../src/training/batches/batches';
import type { TrainingBatch } from '../../../src/training/stages/fit_options';
import { memorySource, onlyPatientLabels } from '../../support/memory_source';

const source = memorySource({
  patients: ['p1', 'p2', 'p3', 'p4', 'p5'],
  slices: (patient) => Number(patient.slice(1)),
  size: 8,
});
const plain = { seed: 1, augment: false } as const;
const augmented = { seed: 1, augment: {} } as const;

interface Seen {
  name: string;
  shape: number[];
  images: number[];
  labels: number[][][];
}

/** All batches as plain data. */
async function collect(batches: AsyncIterable<TrainingBatch>): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { name, images, labels } of batches) {
    seen.push({
      name,
      shape: images.shape,
      images: [...images.dataSync()],
      labels: (await labels.array()) as number[][][],
    });
    tf.dispose([images, labels]);
  }
  return seen;
}
const names = (seen: Seen[]) => seen.map(({ name }) => name);
const slicesIn = (name: string) => name.replace('batch of ', '').split(', ');

/** Every slice of every patient shows the same picture, one without symmetry. */
const samePicture: PatientSource = {
  ...source,
  load: async (patient) => ({
    ...(await source.load(patient)),
    images: tf.tile(tf.randomUniform([1, 8, 8, 1], 0.1, 0.9, 'float32', 3), [source.sliceNames(patient).length, 1, 1, 1]) as tf.Tensor4D, // prettier-ignore
  }),
};
delete samePicture.loadSlices;

describe('patientBatches', () => {
  it('gives each patient once, whole and as it is', async () => {
    const seen = await collect(patientBatches(source, 1, plain));
    expect(names(seen).sort()).toEqual(source.patients.map((patient) => `patient ${patient}`));
    for (const { name, shape, images, labels } of seen) {
      const patient = name.replace('patient ', '');
      const stack = await source.load(patient);
      expect(shape).toEqual([1, source.sliceNames(patient).length, 8, 8, 1]);
      expect(images).toEqual([...stack.images.dataSync()]);
      expect(labels).toEqual([source.sliceLabels(patient)]);
    }
  });

  it('takes another order each epoch, the same for the same seed', async () => {
    const order = async (epoch: number, seed: number) =>
      names(await collect(patientBatches(source, epoch, { seed, augment: false })));
    expect(await order(1, 1)).toEqual(await order(1, 1));
    const orders = [await order(1, 1), await order(2, 1), await order(3, 1), await order(1, 2)];
    expect(new Set(orders.map(String)).size).toBeGreaterThan(2); // of 120 orders
  });

  it('augments all slices of a patient alike, patients and epochs differently', async () => {
    const pictures = new Set<string>();
    for (const epoch of [1, 2]) {
      for (const { shape, images } of await collect(patientBatches(samePicture, epoch, augmented))) {
        const size = images.length / shape[1]!;
        const first = images.slice(0, size);
        for (let i = 0; i < shape[1]!; i++) expect(images.slice(i * size, (i + 1) * size)).toEqual(first);
        pictures.add(String(first));
      }
    }
    expect(pictures.size).toBe(10);
  });

  it('augments by seed, epoch and patient alone, whoever else is there', async () => {
    const whole = await collect(patientBatches(source, 3, augmented));
    const fewer = await collect(patientBatches({ ...source, patients: ['p4', 'p2'] }, 3, augmented));
    for (const batch of fewer) expect(whole).toContainEqual(batch);
    const [other] = await collect(
      patientBatches({ ...source, patients: ['p4'] }, 3, { ...augmented, seed: 2 }),
    );
    expect(other!.images).not.toEqual(whole.find(({ name }) => name === 'patient p4')!.images);
  });

  it('loads one patient ahead, and disposes of it when left early', async () => {
    const small = memorySource({ patients: ['a', 'b', 'c', 'd'], slices: 2, size: 8 });
    const before = tf.memory().numTensors;
    for await (const { images, labels } of patientBatches(small, 1, augmented)) {
      expect(small.loaded).toHaveLength(2);
      tf.dispose([images, labels]);
      break;
    }
    expect(tf.memory().numTensors).toBe(before);
    await collect(patientBatches(small, 1, augmented));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('patientBatches of patient labels', () => {
  it('are the same, labelled as a whole', async () => {
    const slices = await collect(patientBatches(source, 2, augmented));
    for (const from of [source, onlyPatientLabels(source)]) {
      const patients = await collect(patientBatches(from, 2, augmented, 'patients'));
      expect(patients.map(({ labels: _, ...batch }) => batch)).toEqual(
        slices.map(({ labels: _, ...batch }) => batch),
      );
      expect(patients.map(({ labels }) => labels)).toEqual(
        slices.map(({ name }) => [patientLabels(source, name.replace('patient ', ''))]),
      );
    }
  });

  it('say who has none, and leak nothing', async () => {
    const { labelsOf: _, ...nowhere } = onlyPatientLabels({ ...source, patients: ['p2'] });
    const before = tf.memory().numTensors;
    await expect(collect(patientBatches(nowhere, 1, plain, 'patients'))).rejects.toThrow(
      /no labels \(patient p2\)/,
    );
    const short = { ...nowhere, labelsOf: () => [1] };
    await expect(collect(patientBatches(short, 1, plain, 'patients'))).rejects.toThrow(
      /expected 0, 1 or -1 for each of 2 labels, found \[1\] \(patient p2\)/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('sliceBatches', () => {
  it('gives every slice once per epoch, in batches of the size asked for', async () => {
    const seen = await collect(sliceBatches(source, 1, 4, plain));
    expect(seen.map(({ shape }) => shape)).toEqual([4, 4, 4, 3].map((n) => [n, 1, 8, 8, 1]));
    const all = source.patients.flatMap((patient) =>
      source.sliceNames(patient).map((slice) => `${patient}/${slice}`),
    );
    expect(seen.flatMap(({ name }) => slicesIn(name)).sort()).toEqual(all.sort());
    // each with its own image and labels
    for (const { name, images, labels } of seen) {
      for (const [i, entry] of slicesIn(name).entries()) {
        const [patient, slice] = entry.split('/') as [string, string];
        const index = source.sliceNames(patient).indexOf(slice);
        const stack = await source.loadSlices!(patient, [index]);
        expect(images.slice(64 * i, 64 * (i + 1))).toEqual([...stack.images.dataSync()]);
        expect(labels[i]).toEqual([source.sliceLabels(patient)![index]]);
      }
    }
  });

  it('mixes patients, in another order each epoch, the same for the same seed', async () => {
    const order = async (epoch: number, seed: number) =>
      names(await collect(sliceBatches(source, epoch, 4, { seed, augment: false })));
    const first = await order(1, 1);
    expect(await order(1, 1)).toEqual(first);
    expect(await order(2, 1)).not.toEqual(first);
    expect(await order(1, 2)).not.toEqual(first);
    expect(new Set(slicesIn(first[0]!).map((entry) => entry.split('/')[0])).size).toBeGreaterThan(1);
  });

  it('gives so many slices as are asked for, each once, others in another epoch', async () => {
    const drawn = async (slices: number, epoch = 1, balance = false) =>
      (await collect(sliceBatches(source, epoch, 4, { ...plain, slices, balance }))).flatMap(({ name }) =>
        slicesIn(name),
      );
    const [six, others] = [await drawn(6), await drawn(6, 2)];
    expect(new Set(six).size).toBe(6);
    expect(await drawn(6)).toEqual(six);
    expect([...others].sort()).not.toEqual([...six].sort());
    expect(await drawn(100)).toHaveLength(15);
    const epochs = await Promise.all(Array.from({ length: 20 }, (_, epoch) => drawn(6, epoch)));
    expect(new Set(epochs.flat()).size).toBe(15);
    expect(await drawn(6, 1, true)).toHaveLength(6);
  });

  it('augments each slice by a draw of its own, whatever its batch', async () => {
    const pictures = async (batchSize: number) => {
      const bySlice = new Map<string, string>();
      for (const { name, images } of await collect(sliceBatches(samePicture, 1, batchSize, augmented))) {
        for (const [i, entry] of slicesIn(name).entries()) {
          bySlice.set(entry, String(images.slice(64 * i, 64 * (i + 1))));
        }
      }
      return bySlice;
    };
    const inFours = await pictures(4);
    expect(inFours.size).toBe(15);
    expect(new Set(inFours.values()).size).toBe(15);
    expect(await pictures(15)).toEqual(inFours);
  });

  it('works the same with a source that only knows whole patients', async () => {
    const whole: PatientSource = { ...source };
    delete whole.loadSlices;
    const before = tf.memory().numTensors;
    expect(await collect(sliceBatches(whole, 1, 4, plain))).toEqual(
      await collect(sliceBatches(source, 1, 4, plain)),
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('disposes of what waits when left early', async () => {
    const before = tf.memory().numTensors;
    for await (const { images, labels } of sliceBatches(source, 1, 2, augmented)) {
      tf.dispose([images, labels]);
      break;
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says so where a patient has fewer slices than names', async () => {
    const short: PatientSource = { ...source, sliceNames: () => ['0', '1', '2', '3', '4', '5', '6'] };
    delete short.loadSlices;
    const before = tf.memory().numTensors;
    await expect(collect(sliceBatches(short, 1, 1, plain))).rejects.toThrow(DataError);
    await expect(collect(sliceBatches(short, 1, 1, plain))).rejects.toThrow(
      /at least \d slices, found \d \(patient p\d\)/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe.each([
  ['patientBatches', (from: PatientSource) => patientBatches(from, 1, plain)],
  ['sliceBatches', (from: PatientSource) => sliceBatches(from, 1, 2, plain)],
])('%s', (_, batches) => {
  it('names the patient that has no labels, and leaks nothing', async () => {
    const unlabelled: PatientSource = {
      ...source,
      patients: ['p3'],
      load: async (patient) => {
        const { labels, ...stack } = await source.load(patient);
        labels!.dispose();
        return stack;
      },
    };
    delete unlabelled.loadSlices;
    const before = tf.memory().numTensors;
    await expect(collect(batches(unlabelled))).rejects.toThrow(DataError);
    await expect(collect(batches(unlabelled))).rejects.toThrow(/no labels to train on \(patient p3\)/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('hands on what the source throws, and leaks nothing', async () => {
    const broken = async (patient: string) => {
      if (patient === 'p4') throw new DataError('cannot be decoded', { patient });
      return source.load(patient);
    };
    const from: PatientSource = { ...source, load: broken, loadSlices: broken };
    const before = tf.memory().numTensors;
    await expect(collect(batches(from))).rejects.toThrow('cannot be decoded (patient p4)');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('patientBatches with augmentSequence', () => {
  const augmentSequence = { reverse: 0.5, keep: [0.4, 1] } as const;
  const whole = memorySource({ patients: ['p1', 'p2', 'p3', 'p4', 'p5'], slices: 10, size: 8 });

  it('keeps labels beside their images, in the order of the stack or the other way round', async () => {
    const [all, thinned] = [
      await collect(patientBatches(whole, 1, plain)),
      await collect(patientBatches(whole, 1, { ...plain, augmentSequence })),
    ];
    expect(names(thinned)).toEqual(names(all));
    thinned.forEach(({ shape, images, labels }, i) => {
      const slices = shape[1]!;
      expect(slices).toBeGreaterThanOrEqual(4);
      expect(labels[0]).toHaveLength(slices);
      // label l lights up column l
      labels[0]!.forEach((row, s) =>
        row.forEach((label, l) => expect(images[s * 64 + 4 * l]).toBeCloseTo(0.2 + 0.6 * label)),
      );
      expect(all[i]!.shape[1]).toBe(10);
    });
  });

  it('repeats an epoch, and draws anew for the next', async () => {
    const epoch = (n: number) => collect(patientBatches(whole, n, { ...plain, augmentSequence }));
    expect(await epoch(1)).toEqual(await epoch(1));
    const lengths = (seen: Seen[]) => Object.fromEntries(seen.map(({ name, shape }) => [name, shape[1]]));
    expect(lengths(await epoch(1))).not.toEqual(lengths(await epoch(2)));
  });
});
