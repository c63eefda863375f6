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
import {
  writePatientProbabilities,
  writeProbabilities,
  writeRsnaSubmission,
  writeSubmission,
} from '../../../src/node/runs/predictions_file';
import { temporaryFolder } from '../../support/folder';

const predictions: SlicePrediction[] = [
  { patient: 'ID_ü', slice: 'ü_0.jpg', probabilities: [0.25, 0.75], decisions: [0, 1] },
];
const labels = ['x', 'y'];

describe('predictions files', () => {
  it('hold the tables, and nothing else is left', async () => {
    const folder = await temporaryFolder();
    await writeProbabilities(join(folder, 'out', 'p.csv'), predictions, labels);
    await writeSubmission(join(folder, 'out', 's.csv'), predictions, labels);
    expect(await readFile(join(folder, 'out', 'p.csv'), 'utf8')).toBe(
      probabilitiesTable(predictions, labels),
    );
    expect(await readFile(join(folder, 'out', 's.csv'), 'utf8')).toBe(submissionTable(predictions, labels));
    expect((await readdir(join(folder, 'out'))).sort()).toEqual(['p.csv', 's.csv']);
  });

  it('hold the table of patients', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'patients.csv');
    await writePatientProbabilities(file, predictions, labels);
    expect(await readFile(file, 'utf8')).toBe('patient,x,y\nID_ü,0.25,0.75\n');
  });

  it("hold RSNA's table", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'rsna.csv');
    const five = [
      { patient: 'p', slice: 'ID_a', probabilities: [0, 0.5, 0, 0, 1], decisions: [0, 1, 0, 0, 1] as const },
    ];
    await writeRsnaSubmission(file, five, CT_LABELS);
    expect(await readFile(file, 'utf8')).toBe(rsnaSubmissionTable(five, CT_LABELS));
  });

  it('leave an old file alone when a prediction is wrong', async () => {
    const folder = await temporaryFolder({ 'p.csv': 'old' });
    const bad = [{ ...predictions[0]!, probabilities: [NaN, 0] }];
    await expect(writeProbabilities(join(folder, 'p.csv'), bad, labels)).rejects.toThrow(/probabilities/);
    expect(await readFile(join(folder, 'p.csv'), 'utf8')).toBe('old');
  });
});
