import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RSNA_LABELS } from '../../../src/data/labels/rsna_labels';
import { readRsnaTable, readScanTable } from '../../../src/node/study/table_files';
import { temporaryFolder } from '../../support/folder';

const file = async (content: string) => join(await temporaryFolder({ 't.csv': content }), 't.csv');

describe('readRsnaTable', () => {
  const table = ['ID,Label', ...RSNA_LABELS.map((label) => `ID_a_${label},0`)].join('\r\n');

  it('reads the file', async () => {
    const { slices, duplicates } = await readRsnaTable(await file(`\ufeff${table}\r\nID_a_any,0\r\n`));
    expect([...slices]).toEqual([['ID_a', [0, 0, 0, 0, 0, 0]]]);
    expect(duplicates).toEqual([{ slice: 'ID_a', label: 'any', firstRow: 7, row: 8 }]);
  });

  it('takes the options, and names the file', async () => {
    const path = await file(`${table}\nID_a_any,1\n`);
    await expect(readRsnaTable(path)).rejects.toThrow(
      `label any is 1, but 0 in row 7 (file ${path}, row 8, slice ID_a)`,
    );
    const { labels } = await readRsnaTable(await file(table), { labels: ['sdh'] });
    expect(labels).toEqual(['sdh']);
  });
});

describe('readScanTable', () => {
  it('reads the file, and names it', async () => {
    const path = await file('name,sdh\nCQ500-CT-0,1\n');
    expect(await readScanTable(path, { labels: ['sdh'] })).toEqual([
      { patient: 'CQ500-CT-0', labels: [1], row: 2 },
    ]);
    await expect(readScanTable(path)).rejects.toThrow(`(file ${path}, row 1)`);
  });
});
