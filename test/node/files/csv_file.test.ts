import { execFileSync } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { eachCsvRecord, readCsvFile } from '../../../src/node/files/csv_file';
import { temporaryFolder } from '../../support/folder';

const file = async (content: string | Uint8Array) =>
  join(await temporaryFolder({ 't.csv': content }), 't.csv');

/** The table as both ways of reading give it. */
async function both(content: string | Uint8Array): Promise<string[][]> {
  const path = await file(content);
  const streamed: string[][] = [];
  await eachCsvRecord(path, (fields, row) => {
    streamed.push(fields);
    expect(row).toBe(streamed.length);
  });
  expect(await readCsvFile(path)).toEqual(streamed);
  return streamed;
}

const readings = [readCsvFile, (path: string, name?: string) => eachCsvRecord(path, () => undefined, name)];

describe('csv files', () => {
  it('are split into records, rows counted through empty lines, without the byte order mark', async () => {
    expect(await both('\ufeffa,"b ""c"", d"\r\n\n1,2,3\rü,\n')).toEqual([
      ['a', 'b "c", d'],
      [''],
      ['1', '2', '3'],
      ['ü', ''],
    ]);
    expect(await both('')).toEqual([]);
  });

  it('may be longer than a chunk, which may end inside a character', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `ID_${'ü'.repeat(i % 7)},${i}`);
    expect(await both(lines.join('\n'))).toEqual(lines.map((line) => line.split(',')));
  });

  it('are refused where they are no files, or too large to be held', async () => {
    const folder = await temporaryFolder();
    for (const read of readings) {
      await expect(read(folder, 'x.csv')).rejects.toThrow(
        'expected a table, found something else (file x.csv)',
      );
    }
    const large = join(folder, 'large.csv');
    await writeFile(large, '');
    await truncate(large, 2 ** 28 + 1);
    await expect(readCsvFile(large)).rejects.toThrow('the table has 268435457 bytes, more than 268435456');
    if (process.platform === 'win32') return;
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const read of readings) {
      await expect(read(join(folder, 'pipe'))).rejects.toThrow('expected a table, found something else');
    }
  });

  it.each<[string, string | Uint8Array]>([
    ['bytes that are not UTF-8', Uint8Array.of(0x61, 0xff, 0x0a)],
    ['a character cut off', Uint8Array.of(0x61, 0xc3)],
    ['a quote left open', 'a,b\n"c,d\n'],
  ])('are refused for %s', async (_, content) => {
    const path = await file(content);
    for (const read of readings) {
      await expect(read(path, 'x.csv')).rejects.toThrow(DataError);
      await expect(read(path, 'x.csv')).rejects.toThrow(/not CSV text in UTF-8.*\(file x\.csv\)/s);
    }
  });

  it('end at a record without an end, long before the file does', async () => {
    const path = await file(`a\n"${'x\n'.repeat(100_000)}`);
    await expect(eachCsvRecord(path, () => undefined)).rejects.toThrow(/65536/);
  });

  it('that are not there say so', async () => {
    const missing = join(await temporaryFolder(), 'none.csv');
    for (const read of readings) {
      await expect(read(missing)).rejects.toThrow(/table cannot be read \(ENOENT\).*\(file .*none\.csv\)/);
    }
  });
});
