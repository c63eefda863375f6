import { spawnSync } from 'node:child_process';
import { copyFile, readdir, readFile, truncate, writeFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { disposeStack, type PatientStack } from '../../../src/data/sources/patient_source';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { useBackend } from '../../../src/node/backend/backend';
import { SliceFileSource } from '../../../src/node/study/slice_file_source';
import type { SliceFile, SliceFileOptions } from '../../../src/node/study/slice_preparer';
import { createPreprocessing, preprocess } from '../../../src/transforms/preprocessing';
import { applyAugmentation, drawAugmentation } from '../../../src/transforms/random_augment';
import { patientBatches } from '../../../src/training/batches/batches';
import { expectClose } from '../../support/matchers';
import { temporaryFolder } from '../../support/folder';
import { flatPng } from '../../support/png';

const flat = createPreprocessing({ imageSize: [2, 2], clahe: false });

/** Patients of so many flat slices: slice i of the k-th patient has grey value 10 k + i. */
async function study(counts: Record<string, number>) {
  const files: Record<string, Uint8Array> = {};
  const slices = new Map<string, SliceFile[]>();
  for (const [k, [patient, count]] of Object.entries(counts).entries()) {
    for (let i = 0; i < count; i++) files[`${patient}_${i}.png`] = flatPng(8, 6, 10 * k + i);
    slices.set(
      patient,
      Array.from({ length: count }, (_, i) => ({
        slice: `${patient}_${i}.png`,
        file: `${patient}_${i}.png`,
        format: 'image' as const,
        labels: [i % 2],
      })),
    );
  }
  const folder = await temporaryFolder(files);
  for (const ofPatient of slices.values()) {
    for (const slice of ofPatient) slice.file = path.join(folder, slice.file);
  }
  return { folder, slices };
}

/** Grey value of the first pixel, by slice and channel. */
function greys({ images }: PatientStack): number[][] {
  const values = tf.tidy(() =>
    tf.squeeze(tf.slice(images, [0, 0, 0, 0], [-1, 1, 1, -1]), [1, 2]).arraySync(),
  );
  return (values as number[][]).map((channels) => channels.map((value) => Math.round(255 * value)));
}

async function greysOf(loading: Promise<PatientStack>): Promise<number[][]> {
  const stack = await loading;
  const values = greys(stack);
  disposeStack(stack);
  return values;
}

describe('SliceFileSource', () => {
  it('keeps the order of slices and says their names and labels', async () => {
    const { slices } = await study({ a: 20, b: 3 });
    const source = await SliceFileSource.open(slices, ['x'], { preprocessing: flat });
    expect(source.patients).toEqual(['a', 'b']);
    expect(source.sliceNames('b')).toEqual(['b_0.png', 'b_1.png', 'b_2.png']);
    const stack = await source.load('a');
    expect(greys(stack)).toEqual(Array.from({ length: 20 }, (_, i) => [i]));
    expectClose(stack.labels!, source.sliceLabels('a')!.flat());
    disposeStack(stack);
    expect(await greysOf(source.loadSlices('b', [2, 0, 2]))).toEqual([[12], [10], [12]]);
  });

  it('gives a slice its neighbours, also when it is loaded alone', async () => {
    const { slices } = await study({ a: 9 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom('repeat' as const, 'zero' as const),
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 6 }),
        async (neighbors, edge, indices) => {
          const preprocessing = createPreprocessing({ imageSize: [2, 2], clahe: false, neighbors, edge });
          const source = await SliceFileSource.open(slices, ['x'], { preprocessing });
          const whole = await greysOf(source.load('a'));
          expect(whole[0]!.length).toBe(2 * neighbors + 1);
          expect(await greysOf(source.loadSlices('a', indices))).toEqual(
            indices.map((index) => whole[index]),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  it('stops at a failure, throws the first in order and keeps nothing', async () => {
    const { slices } = await study({ a: 20 });
    for (const broken of [5, 4]) await writeFile(slices.get('a')![broken]!.file, `broken ${broken}`);
    const source = await SliceFileSource.open(slices, ['x'], { preprocessing: flat });
    const before = tf.memory().numTensors;
    await expect(source.load('a')).rejects.toThrow(/neither a JPEG nor a PNG.*patient a, slice a_4\.png/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has labels only when every slice has', async () => {
    const { slices } = await study({ a: 2 });
    delete slices.get('a')![1]!.labels;
    const source = await SliceFileSource.open(slices, ['x'], { preprocessing: flat });
    expect(source.sliceLabels('a')).toBeUndefined();
    const stack = await source.load('a');
    expect(stack.labels).toBeUndefined();
    disposeStack(stack);
  });

  it('hands on what is known of whole patients', async () => {
    const { slices } = await study({ a: 1, b: 1 });
    const facts = { labelsOf: () => [1], groupOf: (patient: string) => patient.toUpperCase() };
    const source = await SliceFileSource.open(slices, ['x'], { preprocessing: flat }, facts);
    expect(source.labelsOf!('a')).toEqual([1]);
    expect(source.groupOf!('b')).toBe('B');
  });

  it('reads grey values back as HU where the preprocessing has windows', async () => {
    const { slices } = await study({ a: 3 });
    const preprocessing = createPreprocessing({
      windows: ['brain', { center: -19.7, width: 1 }],
      imageSize: [2, 2],
      clahe: false,
    });
    const source = await SliceFileSource.open(slices, ['x'], { preprocessing, imageWindow: 'brainWide' });
    const stack = await source.load('a');
    const hu = tf
      .mul(tf.tensor([0, 1, 2]), 120 / 255)
      .sub(20)
      .reshape([3, 1, 1, 1]);
    expectClose(stack.images, preprocess(tf.mul(tf.ones([3, 2, 2, 1]), hu), preprocessing), 1e-5);
    disposeStack(stack);
    await expect(SliceFileSource.open(slices, ['x'], { preprocessing })).rejects.toThrow(
      'imageWindow: expected the window of the images, since the preprocessing has windows',
    );
  });

  it('needs windows for DICOM', async () => {
    const { slices } = await study({ a: 1 });
    slices.get('a')![0]!.format = 'dicom';
    await expect(SliceFileSource.open(slices, ['x'], { preprocessing: flat })).rejects.toThrow(
      "preprocessing: windows: expected at least one, e.g. ['brain'], since DICOM has HU",
    );
  });

  it.each([
    [{ workers: -1 }, 'workers: expected an integer in 0..64'],
    [{ workers: 1.5 }, 'workers'],
    [{ cacheFolder: '' }, 'cacheFolder: expected a path'],
    [{ onBadFile: 'ignore' as 'skip' }, "onBadFile: expected 'throw' or 'skip'"],
    [{ imageWindow: { center: 0, width: 0 } }, 'imageWindow: width'],
  ])('refuses %o', async (options, message) => {
    const { slices } = await study({ a: 1 });
    const opening = SliceFileSource.open(slices, ['x'], { preprocessing: flat, ...options });
    await expect(opening).rejects.toThrow(ArgumentError);
    await expect(opening).rejects.toThrow(message);
  });

  describe('with onBadFile: skip', () => {
    it('lists what cannot be read, with the reason, and leaves it out', async () => {
      const { slices } = await study({ a: 4, b: 2, c: 1 });
      const bad = [slices.get('a')![1]!, slices.get('c')![0]!];
      for (const { file } of bad) await truncate(file, 40);
      const seen: string[] = [];
      const source = await SliceFileSource.open(slices, ['x'], {
        preprocessing: flat,
        onBadFile: 'skip',
        onProgress: ({ done, total, file }) => seen.push(`${done}/${total} ${path.basename(file)}`),
      });
      expect(source.skipped.map(({ file }) => file)).toEqual(bad.map(({ file }) => file));
      expect(source.skipped[0]!.error).toBeInstanceOf(DataError);
      expect(source.skipped[0]!.error.message).toMatch(/damaged or truncated.*patient a, slice a_1\.png/);
      expect(source.patients).toEqual(['a', 'b']);
      expect(await greysOf(source.load('a'))).toEqual([[0], [2], [3]]);
      expect(source.sliceLabels('a')).toEqual([[0], [0], [1]]);
      expect(seen[0]).toBe('1/7 a_0.png');
      expect(seen.at(-1)).toBe('7/7 c_0.png');
    });

    it('refuses a study of which nothing can be read', async () => {
      const { slices } = await study({ a: 2 });
      for (const { file } of slices.get('a')!) await writeFile(file, '');
      const options = { preprocessing: flat, onBadFile: 'skip' } as const;
      await expect(SliceFileSource.open(slices, ['x'], options)).rejects.toThrow(
        /none of 2 files can be read; the first: the image file is empty.*a_0\.png/,
      );
    });
  });

  describe('with a cache', () => {
    const cached = async (options: Partial<SliceFileOptions> = {}) => {
      const { folder, slices } = await study({ a: 3 });
      const cacheFolder = path.join(folder, 'cache');
      const open = (more: Partial<SliceFileOptions> = {}) =>
        SliceFileSource.open(slices, ['x'], { preprocessing: flat, cacheFolder, ...options, ...more });
      const entries = async () =>
        (await readdir(cacheFolder, { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map((entry) => path.join(entry.parentPath, entry.name));
      return { slices, open, entries };
    };

    it('reads a prepared slice again by the content of its file', async () => {
      const { slices, open, entries } = await cached();
      expect(await greysOf((await open()).load('a'))).toEqual([[0], [1], [2]]);
      const files = await entries();
      expect(files.length).toBe(3);
      // a slice that is prepared anew is written anew, under another inode
      const inodes = () => Promise.all(files.map(async (file) => (await stat(file)).ino));
      const before = await inodes();
      expect(await greysOf((await open()).load('a'))).toEqual([[0], [1], [2]]);
      expect(await inodes()).toEqual(before);
      // other content under the same name is another slice
      await writeFile(slices.get('a')![0]!.file, flatPng(8, 6, 77));
      expect(await greysOf((await open()).load('a'))).toEqual([[77], [1], [2]]);
      expect((await entries()).length).toBe(4);
      expect(await inodes()).toEqual(before);
    });

    it.each(['float16', 'uint8'] as const)(
      'keeps %s on request, the same values at once and later',
      async (precision) => {
        const windows = createPreprocessing({ windows: ['brain'], imageSize: [2, 2], clahe: false });
        const { slices, open, entries } = await cached({ preprocessing: windows, imageWindow: 'brainWide' });
        await writeFile(slices.get('a')![1]!.file, flatPng(8, 6, 131)); // within the window
        const pixels = async (more: Partial<SliceFileOptions> = {}) => {
          const stack = await (await open({ cachePrecision: precision, ...more })).load('a');
          const values = [...(await stack.images.data())];
          disposeStack(stack);
          return values;
        };
        const plain = await pixels({ cachePrecision: 'float32' });
        const files = await entries();
        const rounded = await pixels();
        const stored = (await entries()).filter((file) => !files.includes(file));
        expect(stored).toHaveLength(files.length);
        const saved = (await stat(files[0]!)).size - (await stat(stored[0]!)).size;
        expect(saved).toBe(4 * (precision === 'uint8' ? 3 : 2));
        expect(await pixels()).toEqual(rounded);
        expect(await pixels({ workers: 1 })).toEqual(rounded);
        expect(await pixels({ cachePrecision: 'float32' })).toEqual(plain);
        expect(rounded).not.toEqual(plain);
        const most = precision === 'uint8' ? 0.5 / 255 : 2 ** -12;
        rounded.forEach((value, i) => expect(Math.abs(value - plain[i]!)).toBeLessThanOrEqual(most + 1e-7));
      },
    );

    it('makes a slice anew whose file came from another slice', async () => {
      const { open, entries } = await cached();
      await greysOf((await open()).load('a'));
      const [first, ...others] = await entries();
      for (const file of others) await copyFile(first!, file);
      expect(await greysOf((await open()).load('a'))).toEqual([[0], [1], [2]]);
    });

    it('never serves one setting what was made with another', async () => {
      const { open } = await cached();
      await greysOf((await open()).load('a'));
      const larger = createPreprocessing({ imageSize: [4, 4], clahe: false });
      const stack = await (await open({ preprocessing: larger })).load('a');
      expect(stack.images.shape).toEqual([3, 4, 4, 1]);
      disposeStack(stack);
      const windows = createPreprocessing({ windows: ['brain'], imageSize: [2, 2], clahe: false });
      const [narrow, wide] = [
        await greysOf((await open({ preprocessing: windows, imageWindow: 'brainWide' })).load('a')),
        await greysOf((await open({ preprocessing: windows, imageWindow: 'subdural' })).load('a')),
      ];
      expect(narrow).not.toEqual(await greysOf((await open()).load('a')));
      expect(wide).toEqual([[0], [0], [0]]);
    });

    it('shares slices between settings that differ only in what is done to a stack', async () => {
      const { open, entries } = await cached();
      await greysOf((await open()).load('a'));
      const neighbors = createPreprocessing({ imageSize: [2, 2], clahe: false, neighbors: 1 });
      expect(await greysOf((await open({ preprocessing: neighbors })).load('a'))).toEqual([
        [0, 0, 1],
        [0, 1, 2],
        [1, 2, 2],
      ]);
      expect((await entries()).length).toBe(3);
    });

    it('makes a file anew that is torn, or changed anywhere', async () => {
      const { open, entries } = await cached();
      const whole = await greysOf((await open()).load('a'));
      const contents = new Map<string, Buffer>();
      for (const file of await entries()) contents.set(file, await readFile(file));
      const [[file, bytes]] = [...contents] as [[string, Buffer]];
      await fc.assert(
        fc.asyncProperty(
          fc.nat({ max: bytes.length - 1 }),
          fc.integer({ min: 1, max: 255 }),
          fc.boolean(),
          async (at, flip, cut) => {
            const torn = Buffer.from(bytes);
            torn[at]! ^= flip;
            await writeFile(file, cut ? torn.subarray(0, at) : torn);
            expect(await greysOf((await open()).load('a'))).toEqual(whole);
            expect(await readFile(file)).toEqual(bytes);
          },
        ),
        { numRuns: 40 },
      );
    });

    it('goes on without where it cannot write, and says so once', async () => {
      const { slices, open } = await cached();
      const file = slices.get('a')![0]!.file; // a file where the folder should be
      const warnings: string[] = [];
      const onWarning = ({ message }: Error) => warnings.push(message);
      process.on('warning', onWarning);
      const source = await open({ cacheFolder: file });
      expect(await greysOf(source.load('a'))).toEqual([[0], [1], [2]]);
      await new Promise((resolve) => setImmediate(resolve));
      process.off('warning', onWarning);
      expect(warnings.length).toBe(1);
      expect(warnings[0]).toMatch(/prepared slices are not cached in .*a_0\.png/);
    });
  });

  describe('with workers', () => {
    beforeEach(async () => {
      await tf.setBackend('wasm');
    });
    beforeAll(async () => {
      await useBackend('wasm', { threads: 1 });
    });

    const preprocessing = createPreprocessing({
      imageSize: [5, 4],
      neighbors: 1,
      clahe: { tileGridSize: [2, 2] },
    });
    const sources: SliceFileSource[] = [];
    const open = async (slices: ReadonlyMap<string, readonly SliceFile[]>, workers: number, more = {}) => {
      const source = await SliceFileSource.open(slices, ['x'], { preprocessing, workers, ...more });
      sources.push(source);
      return source;
    };
    afterAll(() => Promise.all(sources.map((source) => source.close())));

    it('delivers the same stacks, augmented or not, in the same order, whatever their number', async () => {
      const { slices } = await study({ a: 3, b: 1, c: 4, d: 2 });
      const epochs = [];
      for (const workers of [0, 1, 2]) {
        const source = await open(slices, workers);
        const batches = [];
        for await (const { name, images, labels } of patientBatches(source, 1, { seed: 3, augment: {} })) {
          batches.push({ name, images: [...images.dataSync()], labels: [...labels.dataSync()] });
          tf.dispose([images, labels]);
        }
        epochs.push(batches);
        const stack = await source.loadSlices('c', [3, 0]);
        const one = await (await open(slices, 0)).loadSlices('c', [3, 0]);
        expectClose(stack.images, one.images, 0);
        [stack, one].forEach(disposeStack);
      }
      expect(epochs[0]!.length).toBe(4);
      expect(epochs[1]).toEqual(epochs[0]);
      expect(epochs[2]).toEqual(epochs[0]);
    });

    it('augments as applyAugmentation would', async () => {
      const { slices } = await study({ a: 3 });
      const source = await open(slices, 1);
      const draw = drawAugmentation({}, 5);
      const [plain, augmented] = [await source.load('a'), await source.loadAugmented!('a', draw)];
      expectClose(augmented.images, applyAugmentation(plain.images, draw), 0);
      [plain, augmented].forEach(disposeStack);
    });

    it('throws the error that the thread met, with its place', async () => {
      const { slices } = await study({ a: 3 });
      await writeFile(slices.get('a')![2]!.file, '');
      const source = await open(slices, 1);
      const error = await source.load('a').catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).message).toMatch(/the image file is empty.*patient a, slice a_2\.png/);
      expect((error as DataError).location).toMatchObject({ patient: 'a', slice: 'a_2.png' });
      // and lives on
      expect(await greysOf(source.loadSlices('a', [0]))).toHaveLength(1);
    });

    it('delivers the same stack on a backend whose memory threads cannot share', async () => {
      const { slices } = await study({ a: 3 });
      const source = await open(slices, 1);
      const values = async () => {
        const stack = await source.load('a');
        const found = [...stack.images.dataSync()];
        disposeStack(stack);
        return found;
      };
      const shared = await values();
      await tf.setBackend('cpu');
      expect(await values()).toEqual(shared);
    });

    it('writes into no memory that tf.tidy has freed', async () => {
      const { slices } = await study({ a: 3 });
      const source = await open(slices, 1);
      let loading: Promise<PatientStack> | undefined;
      tf.tidy(() => {
        loading = source.load('a');
      });
      expect((await greysOf(loading!)).length).toBe(3);
    });

    it('keeps no tensor of a stack that fails or that nobody waits for any more', async () => {
      const { slices } = await study({ a: 3, b: 2 });
      await writeFile(slices.get('a')![2]!.file, '');
      const source = await open(slices, 1);
      const before = { tensors: tf.memory().numTensors, data: tf.backend().numDataIds() };
      await expect(source.load('a')).rejects.toThrow('the image file is empty');
      const pending = Promise.allSettled([source.load('b'), source.load('b')]);
      await source.close();
      for (const { status } of await pending) expect(status).toBe('rejected');
      expect({ tensors: tf.memory().numTensors, data: tf.backend().numDataIds() }).toEqual(before);
    });

    it('lists bad files too, and fills the cache meanwhile', async () => {
      const { folder, slices } = await study({ a: 3 });
      await truncate(slices.get('a')![1]!.file, 30);
      const cacheFolder = path.join(folder, 'cache');
      const source = await open(slices, 2, { onBadFile: 'skip', cacheFolder });
      expect(source.skipped.map(({ file }) => path.basename(file))).toEqual(['a_1.png']);
      expect((await readdir(cacheFolder)).length).toBe(1);
    });

    it('asks for no more stacks at a time than its threads have room for', async () => {
      const { slices } = await study({ a: 1 });
      expect((await open(slices, 2)).loadsAtOnce).toBe(4);
      expect((await open(slices, 0)).loadsAtOnce).toBeUndefined();
    });

    it.each([0, 3000])('lets the process end by itself, %d ms after the threads were asked for', (wait) => {
      const program = fileURLToPath(new URL('../../support/program_with_workers.ts', import.meta.url));
      const args = ['--import', 'tsx', program, String(wait)];
      const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 40_000 });
      expect(stdout).toContain('done');
      expect(status).toBe(0);
    });

    it('refuses work once it is closed', async () => {
      const { slices } = await study({ a: 1 });
      const source = await open(slices, 1);
      await source.close();
      await expect(source.load('a')).rejects.toThrow('have been closed');
    });
  });
});
