import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { CQ500_COLUMNS, parseScanTable, scanKey } from '../../../src/data/tables/scan_table';
import { ArgumentError, DataError } from '../../../src/base/errors';

describe('parseScanTable, plain', () => {
  it.each(['patient', 'name', 'dirname'])(
    'reads a table with a column %s, in any order, others aside',
    (name) => {
      const records = [['age', 'b', name, 'a'], ['71', '1', ' scan 1 ', '0'], [''], ['8', '0', 's2', '0']]; // prettier-ignore
      expect(parseScanTable(records, { labels: ['a', 'b'] })).toEqual([
        { patient: 'scan 1', labels: [0, 1], row: 2 },
        { patient: 's2', labels: [0, 0], row: 4 },
      ]);
    },
  );

  const bad: [string, string[][], RegExp][] = [
    ['no record', [], /table is empty.*file t\.csv/],
    ['a header alone', [['name', 'a']], /no scan \(file t\.csv\)/],
    ['no name', [['scan', 'a'], ['s', '0']], /one column out of patient, name, dirname, found scan,a \(file t\.csv, row 1\)/],
    ['two names', [['name', 'patient', 'a'], ['s', 's', '0']], /one column out of/],
    ['no label', [['name'], ['s']], /missing column "a": found name/],
    ['a label twice', [['name', 'a', 'a'], ['s', '0', '0']], /repeated column a/],
    ['a field too many', [['name', 'a'], ['s', '0', '0']], /expected 2 fields.*found 3.*row 2/],
    ['label 2', [['name', 'a'], ['s', '2']], /label a: expected 0 or 1, found "2" \(file t\.csv, row 2, patient s\)/],
    ['no value', [['name', 'a'], ['s', '']], /label a.*found ""/],
    ['a path', [['name', 'a'], ['../s', '0']], /is a path/],
    ['a scan twice', [['name', 'a'], ['s', '0'], ['s', '0']], /already in row 2.*row 3/],
  ]; // prettier-ignore
  it.each(bad)('refuses %s', (_, records, message) => {
    const run = () => parseScanTable(records, { labels: ['a'], file: 't.csv' });
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });

  it('reads a label without a column as not labelled, where it may; not a misspelt one', () => {
    const records = [['name', 'ich', 'sdh', 'edh'], ['s', '1', '0', '1']]; // prettier-ignore
    const parse = (labels: string[], missingLabels: 'throw' | 'unlabelled' = 'unlabelled') =>
      parseScanTable(records, { labels, missingLabels, file: 't.csv' })[0]!.labels;
    // sah and edh, ivh and ich are near by name, and different labels
    expect(parse(['ivh', 'sah', 'edh', 'ich', 'fracture'])).toEqual([-1, -1, 1, 1, -1]);
    expect(() => parse(['ich', 'sah'], 'throw')).toThrow(
      /missing column "sah": found name,ich,sdh,edh \(file t\.csv, row 1\)/,
    );
    expect(() => parse(['ich', 'edhh'])).toThrow(/missing column "edhh".*did you mean 'edh'\?/);
    expect(() => parse(['sah', 'any'])).toThrow(/missing column "sah", "any"/);
    expect(() => parse(['ich'], 'ignore' as never)).toThrow(ArgumentError);
  });
});

const FINDINGS = ['ICH', 'IPH', 'IVH', 'SDH', 'EDH', 'SAH', 'Fracture'];
const READS_HEADER = [
  'name',
  'Category',
  ...['R1', 'R2', 'R3'].flatMap((reader) => FINDINGS.map((finding) => `${reader}:${finding}`)),
];
/** A row of reads.csv: for each reader what was found. */
const reads = (name: string, ...readers: [string[], string[], string[]]) => [
  name,
  'B1',
  ...readers.flatMap((found) => FINDINGS.map((finding) => (found.includes(finding) ? '1' : '0'))),
];

describe('parseScanTable, reads.csv of CQ500', () => {
  it('takes what two of three readers saw, IPH for ich and ICH for any', () => {
    const records = [
      READS_HEADER,
      reads('CQ500-CT-0', ['ICH', 'IPH'], ['ICH', 'IPH', 'SDH'], ['ICH', 'IPH', 'SDH']),
      // all see blood, each calls it by another name
      reads('CQ500-CT-1', ['ICH', 'SAH'], ['ICH', 'SDH'], ['ICH', 'EDH', 'Fracture']),
    ];
    expect(parseScanTable(records, { labels: [...CT_LABELS, 'any'] })).toEqual([
      { patient: 'CQ500-CT-0', row: 2, labels: [1, 0, 0, 1, 0, 1], votes: [3, 0, 0, 2, 0, 3] },
      { patient: 'CQ500-CT-1', row: 3, labels: [0, 0, 0, 0, 0, 1], votes: [0, 0, 1, 1, 1, 3] },
    ]);
    expect(parseScanTable(records, { labels: ['any'] })[1]).toMatchObject({ labels: [1], votes: [3] });
  });

  it('does not take ICH, any hemorrhage, for ich', () => {
    const records = [READS_HEADER, reads('CQ500-CT-0', ['ICH', 'SDH'], ['ICH', 'SDH'], ['ICH', 'SDH'])];
    expect(parseScanTable(records)[0]!.labels).toEqual([0, 0, 0, 1, 0]);
    expect(CQ500_COLUMNS.ich).toBe('IPH');
  });

  it('is the majority, whatever the votes', () => {
    const bit = fc.constantFrom('0', '1');
    const body = fc.array(bit, { minLength: READS_HEADER.length - 2, maxLength: READS_HEADER.length - 2 });
    fc.assert(
      fc.property(body, (bits) => {
        const [row] = parseScanTable([READS_HEADER, ['s', 'B1', ...bits]]);
        CT_LABELS.forEach((label, l) => {
          const at = FINDINGS.indexOf(CQ500_COLUMNS[label]);
          const votes = [0, 1, 2].filter((reader) => bits[reader * FINDINGS.length + at] === '1').length;
          expect([row!.votes![l], row!.labels[l]]).toEqual([votes, votes >= 2 ? 1 : 0]);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a reader or a label it does not have, and a wrong vote', () => {
    const without = READS_HEADER.map((name) => (name === 'R2:SDH' ? 'R2:other' : name));
    const row = reads('CQ500-CT-0', [], [], []);
    expect(() => parseScanTable([without, row])).toThrow(/missing column R2:SDH/);
    expect(() => parseScanTable([READS_HEADER, row], { labels: ['ich', 'fracture'] })).toThrow(ArgumentError);
    const wrong = row.map((field, i) => (READS_HEADER[i] === 'R3:IVH' ? 'x' : field));
    expect(() => parseScanTable([READS_HEADER, wrong])).toThrow(
      /label R3:IVH: expected 0 or 1, found "x".*patient CQ500-CT-0/,
    );
  });

  it('reads a label that CQ500 lacks as not labelled, where it may; not one that a reader lacks', () => {
    const without = READS_HEADER.map((name) => name.replace('EDH', 'other'));
    const row = reads('CQ500-CT-0', ['IPH', 'SDH'], ['IPH'], []);
    const labels = ['fracture', 'edh', 'ich', 'sdh'];
    expect(parseScanTable([without, row], { labels, missingLabels: 'unlabelled' })).toEqual([
      { patient: 'CQ500-CT-0', row: 2, labels: [-1, -1, 1, 0], votes: [-1, -1, 2, 1] },
    ]);
    const parse = (header: string[], labels: string[]) => () =>
      parseScanTable([header, row], { labels, missingLabels: 'unlabelled' });
    const oneReader = READS_HEADER.map((name) => (name === 'R2:EDH' ? 'R2:other' : name));
    expect(parse(oneReader, ['ich', 'edh'])).toThrow(/missing column R2:EDH/);
    expect(parse(without, ['ich', 'sdhh'])).toThrow(/did you mean 'sdh'\?/);
    expect(parse(without, ['edh', 'fracture'])).toThrow(/missing column "edh", "fracture"/);
    expect(() => parseScanTable([without, row])).toThrow(/missing column R1:EDH, R2:EDH, R3:EDH/);
  });

  it('knows a scan under either name', () => {
    const names = ['CQ500-CT-0', 'CQ500CT0 CQ500CT0'];
    expect(() => parseScanTable([READS_HEADER, ...names.map((name) => reads(name, [], [], []))])).toThrow(
      /already in row 2/,
    );
  });
});

describe('scanKey', () => {
  it.each([
    ['CQ500-CT-0', 'CQ500CT0'],
    ['CQ500CT0 CQ500CT0', 'CQ500CT0'],
    ['CQ500CT490 CQ500CT490', 'CQ500CT490'],
    ['CQ500CT12', 'CQ500CT12'],
    ['CQ500CT1 CQ500CT2', 'CQ500CT1 CQ500CT2'],
    ['ID_049', 'ID_049'],
  ])('of %s is %s', (name, key) => expect(scanKey(name)).toBe(key));
});
