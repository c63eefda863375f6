import { expect, it, vi } from 'vitest';
import { warnOfProblems } from '../../../src/cli/studies/study_problems';
import { openKaggleFolder } from '../../../src/node/study/kaggle_folder';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { temporaryFolder } from '../../support/folder';

/** What is said of a folder of these files; images are not read before they are needed. */
async function warnings(files: Record<string, string>): Promise<string[]> {
  const folder = await temporaryFolder({
    'train.csv': 'dirname,ID,ich\n1,1_0.png,0\n1,1_1.png,1\n',
    ...files,
  });
  const preprocessing = createPreprocessing({ imageSize: [8, 8] });
  const study = await openKaggleFolder(folder, { preprocessing, labels: ['ich'] });
  const said: string[] = [];
  const warn = vi.spyOn(console, 'warn').mockImplementation((line: string) => void said.push(line));
  warnOfProblems(study);
  warn.mockRestore();
  await study.close();
  return said;
}

it('says which images and patients a table that was cut short leaves out', async () => {
  const listed = { 'train/1/1_0.png': '', 'train/1/1_1.png': '' };
  expect(await warnings({ ...listed, 'train/1/notes.txt': '', 'train/.hidden': '' })).toEqual([]);
  expect(await warnings({ ...listed, 'train/1/1_2.png': '', 'train/2/2_0.png': '' })).toEqual([
    expect.stringMatching(
      /^problem: 2 images or folders are not in the table and were left out, e\.g\. train.1.1_2\.png$/,
    ),
  ]);
});
