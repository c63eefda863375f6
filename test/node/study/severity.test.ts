import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { openStudy } from '../../../src/node/study/open_study';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes, type CtSlice, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';

const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [3, 4], clahe: false });
const options = { preprocessing, requireLabels: false } as const;

/** Three slices of a patient. */
const head = (patient: string, slice: CtSlice = {}, more: DicomElements = {}) =>
  Object.fromEntries(
    [0, 5, 10].map((z) => {
      const elements: DicomElements = {
        '0010,0020': ['LO', patient],
        '0020,000d': ['UI', `study ${patient}`],
        '0020,000e': ['UI', `series ${patient}`],
        ...more,
      };
      return [
        `${patient}_${z}.dcm`,
        dicomBytes(ctSlice({ ...slice, position: [0, 0, z], uid: `${patient}.${z}`, elements })),
      ];
    }),
  );
/** Stored values without their offset: what should be air is water. */
const noOffset: CtSlice = {
  signed: false,
  stored: Array.from({ length: 12 }, (_, i) => (i % 2 ? 1064 : 24)),
};

describe('an error', () => {
  it('in the values stops what opens a folder, which looks at a slice of each stack', async () => {
    const folder = await temporaryFolder({ ...head('good'), ...head('bad', noOffset) });
    const openings = [
      () => openDicomFolder(folder, options),
      () => openStudy(folder, options),
      () => readDicomSeries(folder),
    ];
    for (const open of openings) {
      await expect(open()).rejects.toThrow(DataError);
      await expect(open()).rejects.toThrow(
        /values range from 24 to 1064.*allow: \['implausible-hu'\].*bad_0\.dcm/,
      );
    }
  });

  it('is skipped with every file of its stack, or allowed by name', async () => {
    const folder = await temporaryFolder({ ...head('good'), ...head('bad', noOffset) });
    const skipping = await openDicomFolder(folder, { ...options, onBadFile: 'skip' });
    expect(skipping.patients).toEqual(['good']);
    expect(skipping.skipped.map(({ file }) => basename(file))).toEqual([
      'bad_0.dcm',
      'bad_5.dcm',
      'bad_10.dcm',
    ]);
    const series = await readDicomSeries(folder, { onBadFile: 'skip' });
    expect(series.map(({ patientId }) => patientId)).toEqual(['good']);
    expect(series.skipped).toHaveLength(3);
    series.forEach(({ hu }) => hu.dispose());
    const allowing = await openStudy(folder, { ...options, allow: ['implausible-hu'] });
    expect(allowing.patients).toEqual(['bad', 'good']);
    const problems = 'problems' in allowing ? allowing.problems : [];
    expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject([
      { patient: 'bad', kind: 'implausible-hu' },
    ]);
    expect(problems.filter(({ patient }) => patient === 'good')).toEqual([]);
  });

  it('in a header leaves a series out as no axial one, and stops where it is asked for (case 06)', async () => {
    const map = { '0028,1054': ['LO', 'Z_EFF'] } as const;
    const folder = await temporaryFolder({ ...head('good'), ...head('map', {}, map) });
    const study = await openDicomFolder(folder, options);
    expect(study.patients).toEqual(['good']);
    expect(study.otherSeries).toMatchObject([{ kind: 'other', patientId: 'map' }]);
    await expect(openDicomFolder(folder, { ...options, kinds: ['other'] })).rejects.toThrow(
      /RescaleType is "Z_EFF"/,
    );
    const allowed = await openDicomFolder(folder, { ...options, kinds: ['other'], allow: ['not-hu'] });
    (await allowed.load('map')).images.dispose();
    const list = await readDicomSeries(folder);
    expect(list).toHaveLength(1);
    expect(list.unlisted).toHaveLength(3);
    list.forEach(({ hu }) => hu.dispose());
  });

  it('in a slice that opening did not look at stops its loading', async () => {
    const files = head('p');
    const stored = [50_000, 60_000, ...Array<number>(10).fill(1000)];
    files['p_0.dcm'] = dicomBytes(
      ctSlice({
        signed: false,
        intercept: -1024,
        stored,
        uid: 'p.0',
        elements: {
          '0010,0020': ['LO', 'p'],
          '0020,000d': ['UI', 'study p'],
          '0020,000e': ['UI', 'series p'],
        },
      }),
    );
    const folder = await temporaryFolder(files);
    const study = await openDicomFolder(folder, options);
    await expect(study.load('p')).rejects.toThrow(/beyond 32000 HU.*p_0\.dcm/);
    const skipping = await openDicomFolder(folder, { ...options, onBadFile: 'skip' });
    expect(skipping.sliceNames('p')).toEqual(['p_5.dcm', 'p_10.dcm']);
  });

  it('is not made of a stack whose middle slice alone has no air', async () => {
    const files = head('p');
    files['p_5.dcm'] = dicomBytes(
      ctSlice({
        stored: Array<number>(12).fill(40),
        position: [0, 0, 5],
        uid: 'p.5',
        elements: {
          '0010,0020': ['LO', 'p'],
          '0020,000d': ['UI', 'study p'],
          '0020,000e': ['UI', 'series p'],
        },
      }),
    );
    expect((await openDicomFolder(await temporaryFolder(files), options)).problems).toEqual([]);
  });
});

describe('what fell out', () => {
  it('is counted file by file: copies, what cannot be read, stacks with an error', async () => {
    const good = head('good');
    const folder = await temporaryFolder({
      ...good,
      ...head('bad', noOffset),
      'z_copy.dcm': good['good_0.dcm']!,
      'cut.dcm': good['good_0.dcm']!.subarray(0, -4),
    });
    const { skipped } = await openDicomFolder(folder, { ...options, onBadFile: 'skip' });
    expect(skipped.map(({ file }) => basename(file)).sort()).toEqual([
      'bad_0.dcm',
      'bad_10.dcm',
      'bad_5.dcm',
      'cut.dcm',
      'z_copy.dcm',
    ]);
  });
});
