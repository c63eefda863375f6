import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { RSNA_LABELS, RSNA_TO_CT_LABELS } from '../../../src/data/labels/rsna_labels';
import { patientLabels } from '../../../src/data/sources/patient_source';
import { CQ500_COLUMNS } from '../../../src/data/tables/cq500_table';
import { openStudy } from '../../../src/node/study/open_study';
import type { StudyOptions } from '../../../src/node/study/open_study';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';
import { flatPng } from '../../support/png';

type Files = Record<string, string | Uint8Array>;

const png = flatPng(4, 4, 9);
const dicom = (patient: string, place: number) =>
  dicomBytes(
    ctSlice({
      uid: `1.${patient.length}.${patient}.${place}`,
      position: [0, 0, 5 * place],
      elements: {
        '0010,0020': ['LO', patient],
        '0020,000d': ['UI', `1.2.${patient}`],
        '0020,000e': ['UI', `1.2.3.${patient}`],
      },
    }),
  );

/** Two patients, two slices each, in the two kinds of folder. */
const FOLDERS: Record<string, Files> = {
  PNG: {
    'train/1/a_0.png': png,
    'train/1/a_1.png': png,
    'train/22/b_0.png': png,
    'train/22/b_1.png': png,
  },
  DICOM: {
    'x/1/a_0.dcm': dicom('1', 0),
    'x/1/a_1.dcm': dicom('1', 1),
    'x/22/b_0.dcm': dicom('22', 0),
    'x/22/b_1.dcm': dicom('22', 1),
  },
};

/** Slices of patient 1 have no hemorrhage and ich, those of patient 22 sdh and both. */
const SLICES: Record<string, readonly string[]> = {
  a_0: [],
  a_1: ['ich'],
  b_0: ['sdh'],
  b_1: ['ich', 'sdh'],
};
const SCANS: Record<string, readonly string[]> = { '1': ['ich'], '22': ['ich', 'sdh'] };

const bits = (found: readonly string[]) => CT_LABELS.map((label) => (found.includes(label) ? 1 : 0));
const rsna = (slices = SLICES) => [
  'ID,Label',
  ...Object.entries(slices).flatMap(([slice, found]) =>
    RSNA_LABELS.map((label) => {
      const positive = label === 'any' ? found.length > 0 : found.includes(RSNA_TO_CT_LABELS[label]);
      return `ID_${slice}_${label},${positive ? 1 : 0}`;
    }),
  ),
];
const reads = (scans = SCANS) => {
  const columns = ['R1', 'R2', 'R3'].flatMap((reader) => CT_LABELS.map((label) => `${reader}:${CQ500_COLUMNS[label]}`)); // prettier-ignore
  return [
    `name,${columns.join()}`,
    ...Object.entries(scans).map(([scan, found]) => [scan, bits(found), bits(found), bits([])].join()),
  ];
};
const plain = (scans = SCANS) => [
  `patient,${CT_LABELS.join()}`,
  ...Object.entries(scans).map(([scan, found]) => [scan, ...bits(found)].join()),
];
const challenge = (slices = SLICES) => [
  `dirname,ID,${CT_LABELS.join()}`,
  ...Object.entries(slices).map(([slice, found]) =>
    [slice.startsWith('a') ? '1' : '22', slice, ...bits(found)].join(),
  ),
];

const open = (files: Files, kind: string, options: Partial<StudyOptions> = {}) =>
  temporaryFolder(files).then((folder) =>
    openStudy(folder, {
      preprocessing: createPreprocessing({
        imageSize: [4, 4],
        clahe: false,
        windows: kind === 'DICOM' ? ['brain'] : false,
      }),
      ...options,
    }),
  );

describe.each(Object.keys(FOLDERS))('a folder of %s', (kind) => {
  const files = FOLDERS[kind]!;

  it.each([
    ['train.csv', challenge()],
    ['stage_2_train.csv', rsna()],
    ['labels.csv', rsna()],
  ])('has the labels of slices in %s, in its format', async (name, table) => {
    const study = await open({ ...files, [name]: table.join('\n') }, kind);
    expect(study.patients).toEqual(['1', '22']);
    expect(study.sliceLabels('1')).toEqual([bits([]), bits(['ich'])]);
    expect(study.sliceLabels('22')).toEqual([bits(['sdh']), bits(['ich', 'sdh'])]);
    expect(study.labelsOf?.('1')).toBeUndefined();
    expect([study.withoutFile, study.tableProblems, study.unlisted]).toEqual([[], [], []]);
  });

  it.each([
    ['reads.csv', reads()],
    ['labels.csv', plain()],
    ['train.csv', plain()],
  ])('has the labels of scans in %s, in its format', async (name, table) => {
    const study = await open({ ...files, [name]: table.join('\n') }, kind);
    expect(study.sliceLabels('1')).toBeUndefined();
    expect(study.patients.map((patient) => patientLabels(study, patient))).toEqual([
      bits(['ich']),
      bits(['ich', 'sdh']),
    ]);
  });

  it('finds a scan of CQ500 by either of its names', async () => {
    const table = reads({ 'CQ500-CT-0': ['sdh'] }).join('\n');
    const renamed = Object.entries(files)
      .filter(([name]) => /a_\d/.test(name))
      .map(([name, content]) => [name.replace('/1/', '/CQ500CT0 CQ500CT0/'), content] as const);
    const study = await open({ ...Object.fromEntries(renamed), 'reads.csv': table }, kind);
    expect(study.labelsOf!(study.patients[0]!)).toEqual(bits(['sdh']));
  });

  it('says what the table has beyond the files, and what is wrong with it', async () => {
    const table = [...rsna({ ...SLICES, c_0: [] }), 'ID_a_0_any,0'];
    const study = await open({ ...files, 'labels.csv': table.join('\n') }, kind);
    expect(study.withoutFile).toEqual(['ID_c_0']);
    expect(study.tableProblems).toEqual(['row 32: repeats row 7, ID_a_0 any']);
  });

  it.each<[string, string[], RegExp]>([
    [
      "RSNA's",
      [...rsna(), 'ID_x_any,2'],
      /label any: expected 0 or 1, found "2" \(file .*labels\.csv, row 26, slice ID_x\)/,
    ],
    ["RSNA's", [...rsna(), 'ID_x_anny,0'], /expected ID_<slice>_<label>.*row 26/],
    [
      "CQ500's",
      [reads()[0]!, `1,${'0,'.repeat(14)}x`],
      /label R3:EDH: expected 0 or 1, found "x" \(file .*labels\.csv, row 2, patient 1\)/,
    ],
    ['scans', [plain()[0]!, '1,0,0,0,0,'], /label edh: expected 0 or 1, found "" \(.*row 2, patient 1\)/],
    [
      'scans',
      ['patient,ich,ivh,sah,sdh,edhh', '1,0,0,0,0,0'],
      /missing column "edh".*did you mean 'edhh'\?.*row 1/,
    ],
    [
      "the challenge's",
      [challenge()[0]!, '1,a_0,0,0,0,0,2'],
      /label edh: expected 0 or 1, found "2" \(file .*, row 2, patient 1, slice a_0\)/,
    ],
    [
      'no known format',
      ['', 'scan,ich', '1,0'],
      /the header is not one of a label table: expected dirname,ID,<labels> \(challenge\); ID,Label.*found scan,ich \(file .*labels\.csv, row 2\)/,
    ],
    ['nothing', [''], /the table is empty: expected a header \(file .*labels\.csv\)/],
  ])('names file, row and column of what is wrong with a table of %s', async (_, table, message) => {
    const opening = open({ ...files, 'labels.csv': table.join('\n') }, kind, { requireLabels: false });
    await expect(opening).rejects.toThrow(DataError);
    await expect(opening).rejects.toThrow(message);
  });

  it.each([
    ['slices', rsna({ a_0: [], a_1: [], b_0: [] }), /neither slice nor scan has labels in .*labels\.csv \(file .*b_1\.(png|dcm), patient 22/],
    ['scans', plain({ '22': [] }), /neither slice nor scan has labels in .*labels\.csv.*patient 1, /],
  ])('needs labels of all %s, unless they are not required', async (_, table, message) => {
    const labelled = { ...files, 'labels.csv': table.join('\n') };
    await expect(open(labelled, kind)).rejects.toThrow(message);
    const study = await open(labelled, kind, { requireLabels: false });
    expect(study.patients).toEqual(['1', '22']);
    const known = study.patients.map((patient) => study.sliceLabels(patient) ?? study.labelsOf?.(patient));
    expect(known.filter((labels) => labels === undefined).length).toBe(1);
  }); // prettier-ignore

  it('reads the table that is named, or none', async () => {
    const both = {
      ...files,
      'train.csv': challenge().join('\n'),
      'mine/other.csv': plain().join('\n'),
    };
    const named = await open(both, kind, { table: 'mine/other.csv' });
    expect(named.labelsOf!('22')).toEqual(bits(['ich', 'sdh']));
    const none = await open(both, kind, { table: false, requireLabels: false });
    expect([none.sliceLabels('1'), none.labelsOf?.('1')]).toEqual([undefined, undefined]);
    await expect(open(both, kind, { table: 'no.csv' })).rejects.toThrow('the table is missing: no.csv');
    const outside = open(both, kind, { table: '..' });
    await expect(outside).rejects.toThrow('.. leads out of the data folder');
    await expect(open(both, kind, { table: '/no.csv' })).rejects.toThrow(/openStudy: table: expected a name/);
  });
});

describe('files of images that are named after slices of RSNA, and numbered', () => {
  const files = { 'train/P/ID_7af_0.png': png, 'train/P/ID_01b_1.png': png };
  const table = rsna({ '7af': ['ich'], '01b': [] }).join('\n');

  it('have their labels', async () => {
    const study = await open({ ...files, 'stage_2_train.csv': table }, 'PNG');
    expect(study.sliceLabels('P')).toEqual([bits(['ich']), bits([])]);
  });

  it('are refused where two are of one slice', async () => {
    const twice = { ...files, 'train/P/ID_7af_2.png': png, 'stage_2_train.csv': table };
    await expect(open(twice, 'PNG')).rejects.toThrow(
      /the row of ID_7af in .*stage_2_train\.csv is also that of P.ID_7af_0\.png \(file .*, patient P, slice ID_7af_2\.png\)/,
    );
  });
});
