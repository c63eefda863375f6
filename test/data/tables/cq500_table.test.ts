import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { CQ500_COLUMNS } from '../../../src/data/tables/cq500_table';
import { parseScanTable } from '../../../src/data/tables/scan_table';
import { ArgumentError } from '../../../src/base/errors';

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
