import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { disposeStack } from '../../../src/data/sources/patient_source';
import { RSNA_LABELS } from '../../../src/data/labels/rsna_labels';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { createPreprocessing, preprocess } from '../../../src/transforms/preprocessing';
import { realData } from '../../support/data';
import { ctSlice, dicomBytes, type DicomElements } from '../../support/dicom_bytes';
import { expectClose } from '../../support/matchers';
import { dicomStudy } from './dicom_study';
import { temporaryFolder } from '../../support/folder';

const preprocessing = createPreprocessing({
  windows: ['brain', 'subdural'],
  imageSize: [12, 12],
  clahe: { tileGridSize: [2, 2] },
  neighbors: 1,
});

/** A slice of a patient, at a height. */
const slice = (patient: string, z: number, elements: DicomElements = {}, uid = `1.${patient.length}.${z}`) =>
  dicomBytes(
    ctSlice({
      uid,
      position: [0, 0, z],
      elements: {
        '0010,0020': ['LO', patient],
        '0020,000d': ['UI', `1.2.${patient}`],
        '0020,000e': ['UI', `1.2.3.${patient}`],
        ...elements,
      },
    }),
  );

describe('openDicomFolder', () => {
  it('is the series, windowed and with neighbours, in the order of their positions', async () => {
    const { files, labels } = dicomStudy({ patients: 2, slices: 8, size: 32, seed: 1 });
    const folder = await temporaryFolder(files);
    const study = await openDicomFolder(folder, { preprocessing });
    expect(study.patients).toEqual(['ID_001', 'ID_002']);
    const series = await readDicomSeries(folder);
    for (const [i, patient] of study.patients.entries()) {
      const names = study.sliceNames(patient);
      expect(names.map((name) => name.replace('.dcm', ''))).toEqual(
        series[i]!.slices.map(({ header }) => header.sopInstanceUid),
      );
      expect(study.sliceLabels(patient)).toEqual(names.map((name) => labels.get(name.replace('.dcm', ''))));
      const stack = await study.load(patient);
      expectClose(stack.images, preprocess(tf.expandDims(series[i]!.hu, -1), preprocessing), 1e-6);
      expectClose(stack.labels!, study.sliceLabels(patient)!.flat());
      disposeStack(stack);
    }
    tf.dispose(series.map(({ hu }) => hu));
    expect(study.withoutFile).toEqual([]);
    expect(study.unlisted).toEqual([]);
  });

  it("has RSNA's six labels where they are asked for", async () => {
    const { files } = dicomStudy({ patients: 1, slices: 8, size: 32, seed: 2 });
    const study = await openDicomFolder(await temporaryFolder(files), { preprocessing, labels: RSNA_LABELS });
    for (const vector of study.sliceLabels('ID_001')!)
      expect(vector[5]).toBe(Math.max(...vector.slice(0, 5)));
  });

  it('finds slices by real UIDs too, and says what the table has beyond the files', async () => {
    const rows = ['1.1.0', '1.1.5', '9.9'].flatMap((uid) =>
      RSNA_LABELS.map((label) => `ID_${uid}_${label},${label === 'any' ? 1 : 0}`),
    );
    const folder = await temporaryFolder({
      'a.dcm': slice('p', 5),
      'b.dcm': slice('p', 0),
      'labels.csv': ['ID,Label', ...rows].join('\n'),
    });
    const study = await openDicomFolder(folder, { preprocessing });
    expect(study.sliceNames('p')).toEqual(['b.dcm', 'a.dcm']);
    expect(study.sliceLabels('p')).toEqual([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
    expect(study.withoutFile).toEqual(['ID_9.9']);
    expect(study.tableProblems).toEqual(
      ['1.1.0', '1.1.5', '9.9'].map((uid) => `slice ID_${uid}: any is not the largest of the five`),
    );
  });

  it('has the labels of whole scans, found by patient or folder', async () => {
    const reads = [
      'name',
      ...['R1', 'R2', 'R3'].flatMap((r) =>
        ['ICH', 'IPH', 'IVH', 'SAH', 'SDH', 'EDH'].map((l) => `${r}:${l}`),
      ),
    ];
    const votes = (...bits: number[]) => [...bits, ...bits, ...bits].join();
    const folder = await temporaryFolder({
      'reads.csv': [
        reads.join(),
        `CQ500-CT-0,${votes(1, 1, 0, 0, 0, 0)}`,
        `CQ500-CT-7,${votes(0, 0, 0, 0, 0, 0)}`,
      ].join('\n'),
      'CQ500CT0 CQ500CT0/Unknown Study/CT Plain/CT000000.dcm': slice('other', 0),
      'CQ500CT0 CQ500CT0/Unknown Study/CT Plain/CT000001.dcm': slice('other', 5),
      'b/CT000001.dcm': slice('CQ500-CT-7', 0),
    });
    const study = await openDicomFolder(folder, { preprocessing });
    expect(study.patients).toEqual(['CQ500-CT-7', 'other']);
    expect(study.labelsOf!('other')).toEqual([1, 0, 0, 0, 0]);
    expect(study.labelsOf!('CQ500-CT-7')).toEqual([0, 0, 0, 0, 0]);
    expect(study.sliceLabels('other')).toBeUndefined();
  });

  it('counts the series of a patient, who stays one person', async () => {
    const thin = { '0020,000e': ['UI', '7.7'], '0020,0011': ['IS', '2'] } satisfies DicomElements;
    const folder = await temporaryFolder({
      'a.dcm': slice('p', 0, { '0020,0011': ['IS', '1'] }),
      'b.dcm': slice('p', 0, thin, '5.1'),
      'c.dcm': slice('p', 1, thin, '5.2'),
      'd.dcm': slice('q', 0),
    });
    const study = await openDicomFolder(folder, { preprocessing, requireLabels: false });
    expect(study.patients).toEqual(['p_1', 'p_2', 'q']);
    expect(study.patients.map((patient) => study.groupOf(patient))).toEqual(['p', 'p', 'q']);
    expect(study.seriesOf('p_2').slices.length).toBe(2);
  });

  it('makes plain names of identifiers that are paths, and tells slices of one name apart', async () => {
    const folder = await temporaryFolder({
      'x/1.dcm': slice('../../etc', 0, {}, '4.1'),
      'y/1.dcm': slice('../../etc', 5, {}, '4.2'),
    });
    const study = await openDicomFolder(folder, { preprocessing, requireLabels: false });
    expect(study.patients).toEqual(['..-..-etc']);
    expect(study.sliceNames('..-..-etc')).toEqual(['4.1', '4.2']);
  });

  it.each(['a\nb.dcm', 'a\x1b[2Jb.dcm', 'a\u009bb.dcm'])(
    'refuses a file named %j when it is opened',
    async (name) => {
      const folder = await temporaryFolder({ [name]: slice('P1', 0), 'c.dcm': slice('P1', 5) });
      const opening = openDicomFolder(folder, { preprocessing, requireLabels: false });
      await expect(opening).rejects.toThrow(DataError);
      await expect(opening).rejects.toThrow(
        /^the slice name "a\\.*b\.dcm" has a line end or another control/,
      );
      // nor does the message have one, for the terminal it is printed on
      const message = await opening.catch((error: Error) => error.message);
      expect(message).toMatch(/^[ -~]*$/);
    },
  );

  it('leaves other kinds of series out, and says which', async () => {
    const localizer = {
      '0008,0008': ['CS', ['ORIGINAL', 'PRIMARY', 'LOCALIZER']],
      '0020,000e': ['UI', '8'],
    } satisfies DicomElements;
    const folder = await temporaryFolder({
      'a.dcm': slice('p', 0),
      'b.dcm': slice('p', 0, localizer, '3.3'),
    });
    const study = await openDicomFolder(folder, { preprocessing, requireLabels: false });
    expect(study.otherSeries.map(({ kind }) => kind)).toEqual(['localizer']);
    const both = await openDicomFolder(folder, {
      preprocessing,
      requireLabels: false,
      kinds: ['axial', 'localizer'],
    });
    expect(both.patients.length).toBe(2);
    await expect(
      openDicomFolder(folder, { preprocessing, requireLabels: false, kinds: ['derived'] }),
    ).rejects.toThrow(/no series of kind derived; found: axial, localizer/);
  });

  it('leaves out files whose header or whose pixels cannot be read, where it is asked to', async () => {
    const folder = await temporaryFolder({
      'a.dcm': slice('p', 0),
      'b.dcm': slice('p', 5).subarray(0, 300),
      'c.dcm': slice('p', 10),
      'note.txt': 'no image',
    });
    await expect(openDicomFolder(folder, { preprocessing, requireLabels: false })).rejects.toThrow(/b\.dcm/);
    const study = await openDicomFolder(folder, { preprocessing, requireLabels: false, onBadFile: 'skip' });
    expect(study.sliceNames('p')).toEqual(['a.dcm', 'c.dcm']);
    expect(study.skipped.map(({ file }) => path.basename(file))).toEqual(['b.dcm']);
    expect(study.unlisted.map((file) => path.basename(file))).toEqual(['note.txt']);
  });

  it('refuses a study without the labels that are required', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice('p', 0) });
    await expect(openDicomFolder(folder, { preprocessing })).rejects.toThrow(
      'the table is missing: stage_2_train.csv or stage_1_train.csv or reads.csv or labels.csv',
    );
    const labelled = await temporaryFolder({
      'a.dcm': slice('p', 0),
      'labels.csv': 'patient,ich,ivh,sah,sdh,edh\nq,0,0,0,0,0\n',
    });
    const opening = openDicomFolder(labelled, { preprocessing });
    await expect(opening).rejects.toThrow(DataError);
    await expect(opening).rejects.toThrow(
      /neither slice nor scan has labels in .*labels\.csv.*a\.dcm, patient p, slice 1\.1\.0/,
    );
  });

  it.each([
    [{ preprocessing: createPreprocessing() }, 'preprocessing: windows'],
    [{ table: '' }, 'openDicomFolder: table'],
    [{ table: false as const, requireLabels: true }, 'openDicomFolder: table'],
    [{ kinds: [] }, 'openDicomFolder: kinds'],
    [{ recursive: true }, "option 'recursive'"],
  ])('refuses %o', async (options, message) => {
    const folder = await temporaryFolder({ 'a.dcm': slice('p', 0) });
    const opening = openDicomFolder(folder, { preprocessing, requireLabels: false, ...options });
    await expect(opening).rejects.toThrow(ArgumentError);
    await expect(opening).rejects.toThrow(message);
  });

  it('shows DICOM to a model of images through the window that those had', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice('p', 0) });
    const ofImages = createPreprocessing({ imageSize: [12, 12], clahe: false });
    const inWindow = createPreprocessing({ imageSize: [12, 12], clahe: false, windows: ['brain'] });
    const open = (given: object) =>
      openDicomFolder(folder, { requireLabels: false, preprocessing: ofImages, ...given });
    await expect(open({})).rejects.toThrow(/preprocessing: windows.*imageWindow \(--image-window\)/);
    const study = await open({ imageWindow: 'brain' });
    expect(study.preprocessing).toEqual(ofImages); // the model's own
    const shown = await study.load(study.patients[0]!);
    const expected = await (await open({ preprocessing: inWindow })).load(study.patients[0]!);
    expect(shown.images.arraySync()).toEqual(expected.images.arraySync());
    disposeStack(shown);
    disposeStack(expected);
  });

  it('refuses a table outside of the folder', async () => {
    const folder = await temporaryFolder({ 'in/a.dcm': slice('p', 0), 'labels.csv': 'patient,ich\np,1\n' });
    await expect(
      openDicomFolder(path.join(folder, 'in'), { preprocessing, table: '../labels.csv' }),
    ).rejects.toThrow(/leads out of the data folder/);
  });

  const real = realData('ge-head-dicom');
  it.skipIf(!real)('reads a real head', async () => {
    const study = await openDicomFolder(real!, { preprocessing, requireLabels: false });
    expect(study.patients.length).toBe(1);
    const stack = await study.loadSlices(study.patients[0]!, [0, 13, 27]);
    expect(stack.images.shape).toEqual([3, 12, 12, 6]);
    disposeStack(stack);
  });
});
