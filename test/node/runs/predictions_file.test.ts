import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import {
  probabilitiesTable,
  submissionTable,
  type SlicePrediction,
} from '../../../src/data/tables/predictions_table';
import { rsnaSubmissionTable } from '../../../src/data/tables/rsna_predictions_table';
import { predictionsTable } from '../../../src/data/tables/prediction_formats';
import { writePredictions } from '../../../src/node/runs/predictions_file';
import { temporaryFolder } from '../../support/folder';

const predictions: SlicePrediction[] = [
  { patient: 'ID_ü', slice: 'ü_0.jpg', probabilities: [0.25, 0.75], decisions: [0, 1] },
];
const labels = ['x', 'y'];

describe('predictions files', () => {
  it('hold the tables, and nothing else is left', async () => {
    const folder = await temporaryFolder();
    await writePredictions(join(folder, 'out', 'p.csv'), predictions, labels);
    await writePredictions(join(folder, 'out', 's.csv'), predictions, labels, { format: 'challenge' });
    expect(await readFile(join(folder, 'out', 'p.csv'), 'utf8')).toBe(
      probabilitiesTable(predictions, labels),
    );
    expect(await readFile(join(folder, 'out', 's.csv'), 'utf8')).toBe(submissionTable(predictions, labels));
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['p.csv', 's.csv']);
  });

  it('are the same whether predictions come all at once or one patient after another', async () => {
    const folder = await temporaryFolder();
    const many = Array.from({ length: 7 }, (_, i): SlicePrediction => ({
      ...{ patient: `p${Math.floor(i / 3)}`, slice: `ID_${i}`, decisions: [1, 0, 0, 1, 0] },
      probabilities: [0.1 * i, 0, 0.5, 1, 0.3],
    }));
    async function* coming(of = many) {
      for (let i = 0; i < of.length; i += 3) yield of.slice(i, i + 3);
    }
    for (const format of ['slices', 'challenge', 'rsna'] as const) {
      const [file, whole] = [join(folder, 'some', format), join(folder, 'all', format)];
      await writePredictions(file, coming(), CT_LABELS, { format });
      await writePredictions(whole, many, CT_LABELS, { format });
      expect(await readFile(file, 'utf8')).toBe(await readFile(whole, 'utf8'));
      await writePredictions(join(folder, 'none'), coming([]), CT_LABELS, { format });
      expect(await readFile(join(folder, 'none'), 'utf8')).toBe(predictionsTable([], CT_LABELS, { format }));
    }
    async function* patients() {
      for (const patient of ['a', 'b']) yield { patient, probabilities: [0.5], decisions: [1 as const] };
    }
    await writePredictions(join(folder, 'patients'), patients(), ['x'], { format: 'patients' });
    expect(await readFile(join(folder, 'patients'), 'utf8')).toBe('patient,x\na,0.5\nb,0.5\n');

    // what came before is as it was
    const file = join(folder, 'some', 'slices');
    const before = await readFile(file, 'utf8');
    const twice = writePredictions(file, coming([...many, many[0]!]), CT_LABELS);
    await expect(twice).rejects.toThrow(/slice ID_0 of patient p0 has the same ID in the table/);
    async function* failing() {
      yield many;
      throw new Error('the model failed');
    }
    await expect(writePredictions(file, failing(), CT_LABELS)).rejects.toThrow('the model failed');
    expect(await readFile(file, 'utf8')).toBe(before);
    expect((await readdir(join(folder, 'some'))).sort()).toEqual(['challenge', 'rsna', 'slices']);
  });

  it('hold the table of patients', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'patients.csv');
    await writePredictions(file, predictions, labels, { format: 'patients' });
    expect(await readFile(file, 'utf8')).toBe('patient,x,y\nID_ü,0.25,0.75\n');
  });

  it("hold RSNA's table", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'rsna.csv');
    const five = [
      { patient: 'p', slice: 'ID_a', probabilities: [0, 0.5, 0, 0, 1], decisions: [0, 1, 0, 0, 1] as const },
    ];
    await writePredictions(file, five, CT_LABELS, { format: 'rsna' });
    expect(await readFile(file, 'utf8')).toBe(rsnaSubmissionTable(five, CT_LABELS));
  });

  it('refuse a format that there is not, and predictions that do not fit it', () => {
    // @ts-expect-error no such format
    expect(() => predictionsTable(predictions, labels, { format: 'kaggle' })).toThrow(
      /predictionsTable: format.*'challenge'/,
    );
    const patients = predictions.map(({ slice: _, ...patient }) => patient);
    expect(predictionsTable(patients, labels, { format: 'patients' })).toBe('patient,x,y\nID_ü,0.25,0.75\n');
    // @ts-expect-error a table of slices needs their names
    expect(() => predictionsTable(patients, labels)).toThrow(
      /predictionsTable: slice of ID_ü.*received undefined/,
    );
  });

  it('leave an old file alone when a prediction is wrong', async () => {
    const folder = await temporaryFolder({ 'p.csv': 'old' });
    const bad = [{ ...predictions[0]!, probabilities: [NaN, 0] }];
    await expect(writePredictions(join(folder, 'p.csv'), bad, labels)).rejects.toThrow(/probabilities/);
    expect(await readFile(join(folder, 'p.csv'), 'utf8')).toBe('old');
  });
});
