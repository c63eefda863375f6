import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readScanTable } from '../../../src/node/study/scan_table_file';
import { temporaryFolder } from '../../support/folder';

const file = async (content: string) => join(await temporaryFolder({ 't.csv': content }), 't.csv');

describe('readScanTable', () => {
  it('reads the file, and names it', async () => {
    const path = await file('name,sdh\nCQ500-CT-0,1\n');
    expect(await readScanTable(path, { labels: ['sdh'] })).toEqual([
      { patient: 'CQ500-CT-0', labels: [1], row: 2 },
    ]);
    await expect(readScanTable(path)).rejects.toThrow(`(file ${path}, row 1)`);
  });
});
