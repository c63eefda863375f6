import { cp, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { unseenPatients } from '../../../src/cli/studies/unseen_patients';
import { openStudy } from '../../../src/node/study/open_study';
import { writePhantomStudy } from '../../../src/node/study/phantom_study';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { temporaryFolder } from '../../support/folder';

const preprocessing = createPreprocessing({ imageSize: [16, 16] });

describe('unseenPatients', () => {
  let [ours, theirs] = ['', ''];

  /** Another hospital: other persons under our names, and one of ours under another name. */
  beforeEach(async () => {
    const folder = await temporaryFolder();
    [ours, theirs] = [path.join(folder, 'ours'), path.join(folder, 'theirs')];
    const size = { slices: 8, size: 32 };
    await writePhantomStudy(ours, { patients: 4, ...size, seed: 1 });
    await writePhantomStudy(theirs, { patients: 3, ...size, seed: 2 });
    await mkdir(path.join(theirs, 'train/ID_900'));
    for (let i = 0; i < 8; i++) {
      await cp(path.join(ours, `train/ID_002/002_${i}.png`), path.join(theirs, `train/ID_900/900_${i}.png`));
    }
  });

  const of = async (folder: string, seen: object) => {
    const study = await openStudy(folder, { preprocessing, requireLabels: false, table: false });
    return unseenPatients(folder, study, seen, { preprocessing });
  };
  const split = { train: ['ID_001', 'ID_002'], validation: ['ID_003'] };

  it('goes by names in the folder of the training', async () => {
    const { patients, notes } = await of(ours, { ...split, config: { data: ours } });
    expect(patients).toEqual(['ID_004']);
    expect(notes).toEqual(['left out 3 patients that the model has seen, by their names in this folder']);
  });

  it('knows a scan under another name, and other persons under the same names', async () => {
    const { patients, compared, notes } = await of(theirs, { ...split, config: { data: ours } });
    expect(compared).toBe(true);
    expect(patients).toEqual(['ID_001', 'ID_002', 'ID_003']);
    expect(notes).toEqual([
      'left out ID_900: its slices equal those of ours/ID_002, which the model has seen',
    ]);
    const several = { train: ['ours/ID_002', 'more/ID_001'], validation: ['ours/ID_003'] };
    const more = path.join(path.dirname(ours), 'more');
    await writePhantomStudy(more, { patients: 1, slices: 8, size: 32, seed: 3 });
    expect((await of(theirs, { ...several, config: { data: [ours, more] } })).patients).toEqual(patients);
  });

  it('says so where it can compare names alone', async () => {
    const gone = `${ours}-gone`;
    await rename(ours, gone);
    const { patients, compared, notes } = await of(theirs, { ...split, config: { data: ours } });
    expect([patients, compared]).toEqual([['ID_900'], false]);
    expect(notes).toEqual([
      'left out 3 patients by name only: the folders of the training run were not found, so slices could not be compared',
    ]);
    await rename(gone, ours);
    expect((await of(theirs, split)).compared).toBe(false);
    expect(
      (await of(theirs, { ...split, fitted: ['ID_900'], config: { data: ours } })).patients,
    ).not.toContain('ID_900');
  });
});
