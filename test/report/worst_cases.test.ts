import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { worstCases } from '../../src/report/worst_cases';
import { largestLosses } from '../../src/evaluation/largest_losses';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { heatMapPng } from '../../src/node/pictures/heat_map';
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
  it('draws the slices with the largest loss, twice the height with the map below', async () => {
    const predictions = await collectPredictions(model, source);
    const cases = await worstCases(model, source, predictions, { count: 2, maps: true, png: heatMapPng });
    const { rows } = predictions;
    const worst = largestLosses(rows.map((r) => r.yTrue), rows.map((r) => r.probabilities), 2); // prettier-ignore
    expect(cases.map(({ patient, slice, loss, label }) => ({ patient, slice, loss, label }))).toEqual(
      worst.map(({ index, loss, label }) => ({ patient: rows[index]!.patient, slice: rows[index]!.slice, loss, label })),
    ); // prettier-ignore
    for (const { png, withoutMap } of cases) {
      expect(withoutMap).toBeUndefined();
      const { width, height } = await sharp(png).metadata();
      expect(width).toBe(16 * 13); // the whole zoom that comes nearest to 200 pixels
      expect(height).toBeGreaterThanOrEqual(2 * width!);
    }
  });

  it('of patients as wholes, draws a slice of each, of a model of slices too', async () => {
    const whole = onlyPatientLabels(source);
    for (const output of ['slices', 'patient'] as const) {
      const own = buildCtBrainModel({ ...options, output });
      const predictions = await collectPredictions(own, whole, { level: 'patients' });
      const cases = await worstCases(own, whole, predictions, { count: 9, maps: true, png: heatMapPng });
      expect(cases.map(({ patient }) => patient).sort()).toEqual(['p', 'q']);
      for (const { patient, slice } of cases) expect(source.sliceNames(patient)).toContain(slice);
    }
  });

  it('says why there is no map', async () => {
    const predictions = await collectPredictions(model, source, { level: 'patients' });
    const [plain] = await worstCases(model, source, predictions, { count: 1, maps: false, png: heatMapPng });
    expect(plain).toMatchObject({ withoutMap: 'not asked for' });
    expect(plain!.slice).toBe(`${plain!.patient}_1.png`);
    expect(await worstCases(model, source, predictions, { count: 0, maps: true, png: heatMapPng })).toEqual(
      [],
    );
  });

  it('leaves no tensor behind', async () => {
    const predictions = await collectPredictions(model, source);
    for (const maps of [true, false]) {
      await worstCases(model, source, predictions, { count: 1, maps, png: heatMapPng });
      await expectNoLeakAsync(() =>
        worstCases(model, source, predictions, { count: 1, maps, png: heatMapPng }),
      );
    }
  });
});
