import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openStudy } from '../../../src/node/study/open_study';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';
import { flatPng } from '../../support/png';

vi.mock('node:fs/promises', { spy: true });

const png = flatPng(4, 4, 9);

it.each<[string, Record<string, string | Uint8Array>, string[], boolean]>([
  ['images', { 'train/A/A_0.png': png, 'train/B/B_0.png': png }, ['train', 'A', 'B'], false],
  ["one patient's images", { 'x_0.png': png }, [], false],
  ['DICOM', { 'deep/er/IM1': dicomBytes(ctSlice()) }, ['deep', 'er'], true],
])('lists each folder of %s once', async (_, files, folders, isDicom) => {
  const folder = await temporaryFolder(files);
  const preprocessing = createPreprocessing({
    imageSize: [4, 4],
    clahe: false,
    ...(isDicom && { windows: ['brain'] }),
  });
  vi.mocked(readdir).mockClear();
  await openStudy(folder, { preprocessing, requireLabels: false });
  const listed = vi.mocked(readdir).mock.calls.map(([place]) => basename(String(place)));
  expect(listed.sort()).toEqual([basename(folder), ...folders].sort());
});
