import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectStudy, openStudy } from '../../../src/node/study/open_study';
import { disposeStack } from '../../../src/data/sources/patient_source';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';
import { flatPng } from '../../support/png';

const preprocessing = createPreprocessing({ imageSize: [4, 4], clahe: false });
const png = flatPng(4, 4, 9);

describe('openStudy', () => {
  it.each([
    [
      'the challenge',
      { 'train.csv': 'dirname,ID,ich,ivh,sah,sdh,edh\nA,A_0.png,0,0,0,0,1\n', 'train/A/A_0.png': png },
      'challenge',
      ['A'],
    ],
    ['patients without a table', { 'B/B_0.png': png, 'C/C_0.png': png }, 'challenge', ['B', 'C']],
    ['images of one patient', { 'x_0.png': png, 'notes.txt': 'x' }, 'patient', undefined],
    ['DICOM', { LICENSE: 'text', 'deep/er/IM1': dicomBytes(ctSlice()) }, 'dicom', ['P1']],
  ])('knows %s', async (_, files, layout, patients) => {
    const folder = await temporaryFolder(files as Record<string, string | Uint8Array>);
    const format = layout === 'dicom' ? 'dicom' : 'image';
    expect(await detectStudy(folder)).toEqual({ layout, format });
    const windows = createPreprocessing({ windows: ['brain'], imageSize: [4, 4], clahe: false });
    const study = await openStudy(folder, {
      preprocessing: format === 'dicom' ? windows : preprocessing,
      requireLabels: false,
    });
    expect(study.patients).toEqual(patients ?? [path.basename(folder)]);
    if (layout === 'challenge' && patients![0] === 'A')
      expect(study.sliceLabels('A')).toEqual([[0, 0, 0, 0, 1]]);
  });

  it('goes by content and not by name, and does not follow links', async () => {
    const outside = await temporaryFolder({ 'a.png': png });
    const folder = await temporaryFolder({ 'a.png': 'text', 'b/c_0.jpg': png });
    await symlink(path.join(outside, 'a.png'), path.join(folder, '0.png'));
    expect(await detectStudy(folder)).toEqual({ layout: 'challenge', format: 'image' });
  });

  it.each<[string, Record<string, string | Uint8Array>, number[][] | undefined, number[] | undefined]>([
    [
      'a row per slice',
      { 'train.csv': 'dirname,ID,sdh,ich,edh\nA,A_0.png,0,1,1\n', 'train/A/A_0.png': png },
      [[1, -1, 0]],
      undefined,
    ],
    [
      "RSNA's rows",
      {
        'labels.csv': `ID,Label\n${['epidural', 'intraparenchymal', 'subdural'].map((l) => `ID_7_${l},${l === 'subdural' ? 0 : 1}`).join('\n')}\n`,
        '7.dcm': dicomBytes(ctSlice({ uid: '7' })),
      },
      [[1, -1, 0]],
      undefined,
    ],
    [
      'a row per scan',
      { 'labels.csv': 'patient,sdh,ich\nP1,0,1\n', '7.dcm': dicomBytes(ctSlice({ uid: '7' })) },
      undefined,
      [1, -1, 0],
    ],
  ])(
    'reads labels that a table of %s lacks as not labelled, where it is asked to',
    async (_, files, slices, whole) => {
      const folder = await temporaryFolder(files);
      const windows = createPreprocessing({ windows: ['brain'], imageSize: [4, 4], clahe: false });
      const options = {
        preprocessing: windows,
        imageWindow: 'brain' as const,
        labels: ['ich', 'sah', 'sdh'],
      };
      const study = await openStudy(folder, { ...options, missingLabels: 'unlabelled' });
      const [patient] = study.patients;
      expect(study.sliceLabels(patient!)).toEqual(slices);
      expect(study.labelsOf?.(patient!)).toEqual(whole);
      const stack = await study.load(patient!);
      expect(stack.labels?.arraySync()).toEqual(slices);
      disposeStack(stack);
      await expect(openStudy(folder, options)).rejects.toThrow(/sah|subarachnoid/);
      const misspelt = { ...options, missingLabels: 'unlabeled' as never };
      await expect(openStudy(folder, misspelt)).rejects.toThrow(/did you mean 'unlabelled'\?/);
    },
  );
  it('reads the DICOM of a disc whose viewer brings pictures', async () => {
    const slice = dicomBytes(ctSlice());
    const discs: Record<string, string | Uint8Array>[] = [
      { 'logo.png': png, 'autorun.inf': 'x', 'DICOM/S1/IM1': slice },
      { 'VIEWER/icons/a.png': png, 'VIEWER/icons/b.jpg': png, 'deep/er/DICOM/IM1': slice },
      { 'logo.png': png, IM1: slice.subarray(128) },
    ];
    for (const files of discs) {
      const folder = await temporaryFolder(files);
      expect(await detectStudy(folder)).toEqual({ layout: 'dicom', format: 'dicom' });
      const windows = createPreprocessing({ windows: ['brain'], imageSize: [4, 4], clahe: false });
      const study = await openStudy(folder, { preprocessing: windows, requireLabels: false });
      expect(study.patients).toEqual(['P1']);
      expect(study.unlisted.some((file) => file.endsWith('.png'))).toBe(true);
    }
  });

  it('refuses a folder without slices, and labels where there can be none', async () => {
    const empty = await temporaryFolder({ 'a.txt': '' });
    await expect(detectStudy(empty)).rejects.toThrow('there is no JPEG, PNG or DICOM file');
    const patient = await temporaryFolder({ 'x_0.png': png });
    await expect(openStudy(patient, { preprocessing })).rejects.toThrow("found one patient's images");
    await expect(detectStudy(path.join(empty, 'nowhere'))).rejects.toThrow(
      'the data folder cannot be opened',
    );
  });

  it('ends where links lead back, and finds what they lead to', async () => {
    const folder = await temporaryFolder({ 'store/x.png': flatPng(8, 8, 1), 'study/ID_1/loop/note.txt': '' });
    await symlink(path.join(folder, 'study'), path.join(folder, 'study/ID_1/loop/back'));
    const study = path.join(folder, 'study');
    await expect(detectStudy(study)).rejects.toThrow(/there is no JPEG, PNG or DICOM file/);
    await symlink(path.join(folder, 'store/x.png'), path.join(study, 'ID_1/1_0.png'));
    await expect(detectStudy(study)).rejects.toThrow(/1_0\.png.*followLinks/);
    expect(await detectStudy(study, { followLinks: true })).toEqual({ layout: 'challenge', format: 'image' });
  });
});
