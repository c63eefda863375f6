import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { worstCases } from '../../src/report/worst_cases';
import { largestLosses } from '../../src/evaluation/largest_losses';
import { derive } from '../../src/data/sources/patient_source';
import { neighborSlices } from '../../src/transforms/neighbor_slices';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { slicePictures } from '../../src/node/pictures/slice_pictures';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { expectNoLeakAsync } from '../support/matchers';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../support/memory_source';

const source = memorySource({ patients: ['p', 'q'], slices: 3 });
const options = {
  variant: 'VGG16 + SDL(GRU)',
  backbone: tinyBackbone(),
  labels: ['a', 'b'],
  seed: 2,
} as const;
const model = buildCtBrainModel(options);

describe('worstCases', () => {
  it('draws the slices with the largest loss, as they are and under their maps', async () => {
    const predictions = await collectPredictions(model, source);
    const cases = await worstCases(model, source, predictions, {
      count: 2,
      maps: true,
      pictures: slicePictures,
    });
    const { rows } = predictions;
    const worst = largestLosses(rows.map((r) => r.yTrue), rows.map((r) => r.probabilities), 2); // prettier-ignore
    expect(cases.map(({ patient, slice, loss, label }) => ({ patient, slice, loss, label }))).toEqual(
      worst.map(({ index, loss, label }) => ({ patient: rows[index]!.patient, slice: rows[index]!.slice, loss, label })),
    ); // prettier-ignore
    for (const { plain, overlaid, withoutMap } of cases) {
      expect(withoutMap).toBeUndefined();
      for (const png of [plain, overlaid!]) {
        expect(await sharp(png).metadata()).toMatchObject({ width: 16, height: 16 });
      }
      expect(overlaid).not.toEqual(plain);
    }
  });

  it('of patients as wholes, draws a slice of each, of a model of slices too', async () => {
    const whole = onlyPatientLabels(source);
    for (const output of ['slices', 'patient'] as const) {
      const own = buildCtBrainModel({ ...options, output });
      const predictions = await collectPredictions(own, whole, { level: 'patients' });
      const cases = await worstCases(own, whole, predictions, {
        count: 9,
        maps: true,
        pictures: slicePictures,
      });
      expect(cases.map(({ patient }) => patient).sort()).toEqual(['p', 'q']);
      for (const { patient, slice } of cases) expect(source.sliceNames(patient)).toContain(slice);
    }
  });

  it('draws the slice, where it has its neighbours as further channels', async () => {
    const preprocessing = { neighbors: 1 };
    const withNeighbors = derive(source, {
      preprocessing,
      load: async (patient) => {
        const { images, ...rest } = await source.load(patient);
        const wide = neighborSlices(images);
        images.dispose();
        return { ...rest, images: wide };
      },
    });
    const predictions = await collectPredictions(model, source);
    const drawn: number[][] = [];
    const cases = await worstCases(model, withNeighbors, predictions, {
      count: 6,
      maps: false,
      pictures: async (image) => {
        expect(image.shape).toEqual([1, 16, 16, 1]);
        drawn.push([...(await image.data())]);
        return { plain: new Uint8Array() };
      },
    });
    for (const [i, { patient, slice }] of cases.entries()) {
      const { images } = await source.loadSlices!(patient, [source.sliceNames(patient).indexOf(slice)]);
      expect(drawn[i]).toEqual([...(await images.data())]);
    }
  });

  it('says why there is no map', async () => {
    const predictions = await collectPredictions(model, source, { level: 'patients' });
    const [plain] = await worstCases(model, source, predictions, {
      count: 1,
      maps: false,
      pictures: slicePictures,
    });
    expect(plain).toMatchObject({ withoutMap: 'not requested' });
    expect(plain!.overlaid).toBeUndefined();
    expect(plain!.slice).toBe(`${plain!.patient}_1.png`);
    expect(
      await worstCases(model, source, predictions, { count: 0, maps: true, pictures: slicePictures }),
    ).toEqual([]);
  });

  it('leaves no tensor behind', async () => {
    const predictions = await collectPredictions(model, source);
    for (const maps of [true, false]) {
      await worstCases(model, source, predictions, { count: 1, maps, pictures: slicePictures });
      await expectNoLeakAsync(() =>
        worstCases(model, source, predictions, { count: 1, maps, pictures: slicePictures }),
      );
    }
  });
});
