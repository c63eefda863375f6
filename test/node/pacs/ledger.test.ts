import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerEntry } from '../../../src/node/pacs/ledger';
import { temporaryFolder } from '../../support/folder';

const entry = (study: string, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ study, model: 'm1', images: 3, state: 'stored', time: '2024-05-17T00:00:00.000Z' },
  ...more,
});

describe('Ledger', () => {
  it('knows after a restart what it was told, the last of each study and model', async () => {
    const file = path.join(await temporaryFolder({}), 'state/ledger.jsonl');
    const first = await Ledger.open(file);
    for (const one of [entry('1'), entry('2'), entry('1', { images: 5 }), entry('1', { model: 'm2' })]) {
      await first.add(one);
    }
    await first.close();
    const again = await Ledger.open(file);
    expect(again.entryOf('1', 'm1')).toEqual(entry('1', { images: 5 }));
    expect(again.entryOf('1', 'm2')?.images).toBe(3);
    expect(again.entryOf('3', 'm1')).toBeUndefined();
    await again.close();
  });

  it('goes on behind a line that was cut short, wherever that was', async () => {
    const folder = await temporaryFolder({});
    const file = path.join(folder, 'ledger.jsonl');
    const line = `${JSON.stringify(entry('2'))}\n`;
    for (let length = 0; length < line.length; length += 7) {
      await writeFile(file, `${JSON.stringify(entry('1'))}\n`);
      await appendFile(file, line.slice(0, length));
      const ledger = await Ledger.open(file);
      expect(ledger.entryOf('2', 'm1')).toBeUndefined();
      await ledger.add(entry('3'));
      await ledger.close();
      const again = await Ledger.open(file);
      expect(['1', '2', '3'].map((study) => again.entryOf(study, 'm1') !== undefined)).toEqual([true, false, true]); // prettier-ignore
      await again.close();
    }
    expect(await readFile(file, 'utf8')).toMatch(/\n$/);
  });
});
