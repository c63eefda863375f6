import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cachedSource } from '../../../src/data/sources/cached_source';
import {
  disposeStack,
  type PatientSource,
  type PatientStack,
} from '../../../src/data/sources/patient_source';
import { expectNoLeakAsync } from '../../support/matchers';
import { memorySource } from '../../support/memory_source';

const PATIENTS = ['p', 'q', 'r'];
const SLICE_BYTES = 4 * 16 * 16;

const source = () => memorySource({ patients: PATIENTS, slices: (patient) => 2 + PATIENTS.indexOf(patient) });

/** A stack as plain data, freed. */
async function plain(stack: PatientStack) {
  const { patient, slices, images, labels } = stack;
  const data = {
    patient,
    slices,
    shape: images.shape,
    images: await images.data(),
    labels: await labels?.array(),
  };
  disposeStack(stack);
  return data;
}

describe('cachedSource', () => {
  it.each(['float16', 'uint8'] as const)(
    'gives the same %s whether a slice is kept or not',
    async (precision) => {
      const loads = async (maxBytes: number) => {
        const cached = cachedSource(source(), { maxBytes, precision });
        const first = await plain(await cached.load('r'));
        return [
          first,
          await plain(await cached.loadSlices!('r', [2, 0])),
          await plain(await cached.load('r')),
        ];
      };
      const original = await plain(await source().load('r'));
      const bytes = 4 * 16 * 16 * (precision === 'uint8' ? 1 : 2);
      const [kept, none] = [await loads(bytes), await loads(bytes - 1)];
      expect(kept).toEqual(none);
      expect(kept[2]).toEqual(kept[0]);
      const most = precision === 'uint8' ? 0.5 / 255 : 2 ** -12;
      kept[0]!.images.forEach((value, i) => {
        expect(Math.abs(value - original.images[i]!)).toBeLessThanOrEqual(most + 1e-7);
      });
      // these images are of 255ths
      if (precision === 'float16') expect(kept[0]!.images).not.toEqual(original.images);
    },
  );

  it.each(['slices', 'whole patients'])(
    'gives what a source of %s gives, for any loads and any limit',
    async (of) => {
      const request = fc.constantFrom(...PATIENTS).chain((patient) => {
        const count = 2 + PATIENTS.indexOf(patient);
        const index = fc.integer({ min: 0, max: count - 1 });
        return fc.tuple(fc.constant(patient), fc.option(fc.array(index, { minLength: 1, maxLength: 4 })));
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(request, { maxLength: 8 }),
          fc.integer({ min: 0, max: 10 }),
          async (requests, limit) => {
            const plainSource = source();
            const { loadSlices, ...whole } = source();
            const cachable = of === 'slices' ? { ...whole, loadSlices } : whole;
            const cached = cachedSource(cachable as PatientSource, { maxBytes: limit * SLICE_BYTES });
            for (const [patient, indices] of requests) {
              const [a, b] = await Promise.all(
                [plainSource as PatientSource, cached].map(async (s) =>
                  plain(indices ? await s.loadSlices!(patient, indices) : await s.load(patient)),
                ),
              );
              expect(b).toEqual(a);
            }
          },
        ),
        { numRuns: 30 },
      );
    },
  );

  it('loads a slice once, and again only what did not fit', async () => {
    const loaded = source();
    const cached = cachedSource(loaded, { maxBytes: 2 * SLICE_BYTES });
    for (const patient of ['p', 'p', 'q', 'q']) disposeStack(await cached.load(patient));
    disposeStack(await cached.loadSlices!('p', [1]));
    expect(loaded.loaded).toEqual(['p', 'q', 'q']); // p has two slices, q three
  });

  it('works over a source that only knows whole patients', async () => {
    const { loadSlices: _, ...whole } = source();
    const stack = await plain(await cachedSource(whole).loadSlices!('r', [3, 1]));
    expect(stack.slices).toEqual(['r_3.png', 'r_1.png']);
    expect(stack.images).toEqual((await plain(await source().loadSlices!('r', [3, 1]))).images);
  });

  it('keeps all of a patient that had to be loaded whole', async () => {
    const loaded = source();
    const { loadSlices: _, ...whole } = loaded;
    const cached = cachedSource(whole);
    for (const indices of [[3, 1], [0], [2, 1]]) disposeStack(await cached.loadSlices!('r', indices));
    disposeStack(await cached.load('r'));
    expect(loaded.loaded).toEqual(['r']);
  });

  it('refuses a limit that is no number, and leaks nothing', async () => {
    expect(() => cachedSource(source(), { maxBytes: NaN })).toThrow(
      /maxBytes: expected a number of at least 0/,
    );
    const cached = cachedSource(source());
    await expectNoLeakAsync(async () => tf.dispose(Object.values(await cached.load('p')) as tf.Tensor[]));
  });
});
