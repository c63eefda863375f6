import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseKaggleTable } from '../../src/data/tables/kaggle_table';
import { RSNA_LABELS } from '../../src/data/labels/rsna_labels';
import { DataError } from '../../src/base/errors';
import { readCsvFile } from '../../src/node/files/csv_file';
import { openKaggleFolder } from '../../src/node/study/kaggle_folder';
import { readRsnaTable } from '../../src/node/study/table_files';
import { readScanTable } from '../../src/node/study/table_files';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { temporaryFolder } from '../support/folder';
import { flatPng } from '../support/png';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { byteChanges, changeBytes } from './mutations';

watched('tables');

const READS = ['R1', 'R2', 'R3'].flatMap((reader) =>
  ['ICH', 'IPH', 'IVH', 'SDH', 'EDH', 'SAH', 'Fracture'].map((finding) => `${reader}:${finding}`),
);
const bits = (count: number, from: number) => Array.from({ length: count }, (_, i) => (i + from) % 2);
const TABLES: Record<string, string> = {
  kaggle: `dirname,ID,ich,ivh,sah,sdh,edh
ID_1,1_0.jpg,0,0,1,0,0
ID_1,1_1.jpg,0,0,0,0,0
ID_2,"2_10.jpg",1,0,0,0,1
`,
  rsna: [
    'ID,Label',
    ...['a1b2', 'ffff'].flatMap((slice) => RSNA_LABELS.map((label) => `ID_${slice}_${label},0`)),
  ].join('\r\n'),
  scan: `name,ich,ivh,sah,sdh,edh,age\nscan 1,0,1,0,0,0,55\nscan 2,0,0,0,0,0,"40, or so"\n`,
  reads: [
    ['name', 'Category', ...READS].join(),
    ...[0, 1, 12].map((i) => [`CQ500-CT-${i}`, 'B1', ...bits(READS.length, i)].join()),
  ].join('\n'),
};
const readers: Record<string, (file: string) => Promise<unknown>> = {
  kaggle: async (file) => parseKaggleTable(await readCsvFile(file), { file }),
  rsna: (file) => readRsnaTable(file),
  scan: (file) => readScanTable(file),
  reads: (file) => readScanTable(file),
};
const TOKENS = [
  '"', '""', '"""', ',', ';', '\t', '\n', '\r', '\r\n', '\ufeff', '\0', '../', '..\\', '/etc/passwd', 'C:\\x', 'é', '\u202e',
  '\u2028', ' ', '\u00a0', 'NaN', '-0', '1e0', '２', '__proto__', 'constructor', '=1+1', '_', '.png', 'R1:ICH', 'x'.repeat(5000),
]; // prettier-ignore

/** A table as lines of fields, with fields replaced, and lines or columns doubled, dropped and moved. */
type TableChange =
  | { kind: 'field'; line: number; column: number; text: string }
  | { kind: 'double' | 'drop' | 'first'; line: number }
  | { kind: 'doubleColumn'; column: number }
  | { kind: 'dropColumn'; column: number };

const nat = fc.nat(1000);
const tableChanges: fc.Arbitrary<TableChange[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('field' as const),
      line: nat,
      column: nat,
      text: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ unit: 'binary', maxLength: 12 })),
    }),
    fc.record({ kind: fc.constantFrom('double' as const, 'drop' as const, 'first' as const), line: nat }),
    fc.record({ kind: fc.constantFrom('doubleColumn' as const, 'dropColumn' as const), column: nat }),
  ),
  { maxLength: 3 },
);

function changeTable(text: string, changes: readonly TableChange[]): string {
  const lines = text.split(/\r?\n/).map((line) => line.split(','));
  for (const change of changes) {
    if ('column' in change && !('line' in change)) {
      for (const line of lines) {
        const at = change.column % Math.max(line.length, 1);
        line.splice(
          at,
          change.kind === 'dropColumn' ? 1 : 0,
          ...(change.kind === 'dropColumn' ? [] : [line[at]!]),
        );
      }
      continue;
    }
    const at = change.line % Math.max(lines.length, 1);
    const line = lines[at];
    if (line === undefined) break;
    if (change.kind === 'field') line[change.column % Math.max(line.length, 1)] = change.text;
    else lines.splice(at, change.kind === 'double' ? 0 : 1, ...(change.kind === 'double' ? [[...line]] : []));
    if (change.kind === 'first') lines.unshift(line);
  }
  return lines.map((line) => line.join()).join('\n');
}

const mutants = (names: readonly string[]) =>
  fc.record({
    source: fc.constantFrom(...names),
    fields: tableChanges,
    bytes: fc.oneof(fc.constant([]), byteChanges(TOKENS, 2)),
  });
type Mutant = { source: string; fields: TableChange[]; bytes: Parameters<typeof changeBytes>[1] };

const encoder = new TextEncoder();
const sources = Object.values(TABLES).map((text) => encoder.encode(text));
const tableOf = ({ source, fields, bytes }: Mutant) =>
  changeBytes(encoder.encode(changeTable(TABLES[source]!, fields)), bytes, sources);

describe('tables', () => {
  it('of changed fields and bytes', async () => {
    const file = path.join(await temporaryFolder(), 'table.csv');
    const { accepted } = await fuzz({
      mutants: mutants(Object.keys(TABLES)),
      count: MUTANTS.tables * 0.9,
      read: async (mutant) => {
        await writeFile(file, tableOf(mutant));
        await readers[mutant.source]!(file);
      },
      refusal: DataError,
      names: file,
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it.each(['kaggle', 'rsna', 'scan'])(
    '%s: huge ones are refused at once, and with a short message',
    async (name) => {
      const folder = await temporaryFolder();
      const table = TABLES[name]!;
      const columns = table.slice(0, table.indexOf('\n')).trim();
      const many = (field: (i: number) => string, length = 1e5) =>
        Array.from({ length }, (_, i) => field(i)).join();
      const huge: Record<string, string> = {
        'a quote that is left open': `${table}\n"${'x,y\n'.repeat(2.5e6)}`,
        'a million columns': `${columns},${many((i) => `c${i}`, 1e6)}\n`,
        'a hundred thousand equal columns': `${columns},${many(() => 'c')}\n`,
        'a hundred thousand fields in a row': `${columns}\n${many(() => '0')}\n`,
        'fields of 100 kB': table.replaceAll(/,0(?=,|\r?\n|$)/g, `,${'0'.repeat(1e5)}`),
        'a name of 1 MB': table.replace(/\n(ID_|CQ|sc)/, `\n$1${'n'.repeat(1e6)}/`),
        'a hundred thousand empty lines': '\n'.repeat(1e5),
        'a hundred thousand commas': ','.repeat(1e5),
      };
      for (const [what, text] of Object.entries(huge)) {
        const file = path.join(folder, 'huge.csv');
        await writeFile(file, text);
        let error: unknown;
        const growth = await growthOf(async () => {
          error = await readers[name]!(file).catch((reason: unknown) => reason);
        });
        expect(error, what).toBeInstanceOf(DataError);
        expect((error as Error).message, what).toContain(file);
        expect((error as Error).message.length, what).toBeLessThan(4000);
        expect(growth, what).toBeLessThan(512 * 2 ** 20);
      }
    },
  );
});

describe('the folder a table speaks of', () => {
  const INSIDE = 40;
  const OUTSIDE = 240;
  const preprocessing = createPreprocessing({ imageSize: [2, 2], clahe: false });
  const LEADING_OUT = [
    '..', '../outside', '../../outside', '..\\outside', 'outside', 'ID_1/../../outside', 'link', 'linked_0', 'linked_0.png', '.',
    'C:outside', 'C:\\outside', '\\\\host\\share', '%2e%2e', '/outside', '~', 'secret_0.png', '../secret_0.png', '1_0.png\0', '1_0.png/',
    '../ID_2/2_0.png', '.hidden_0.png', 'ID_1\0', '\uff0e\uff0e/outside', 'con_1', '1_1', '1_1.png', 'ID_1', 'ID_2', '2_0.png',
  ]; // prettier-ignore

  /** `study/`, and beside it `outside/`, to which links in the study lead. */
  async function study(): Promise<{ folder: string; outside: string }> {
    const root = await temporaryFolder({
      'study/train/ID_1/1_0.png': flatPng(2, 2, INSIDE),
      'study/train/ID_1/1_1.png': flatPng(2, 2, INSIDE),
      'study/train/ID_2/2_0.png': flatPng(2, 2, INSIDE),
      'outside/secret_0.png': flatPng(2, 2, OUTSIDE),
      'outside/1_0.png': flatPng(2, 2, OUTSIDE),
    });
    const folder = path.join(root, 'study');
    const outside = path.join(root, 'outside');
    await symlink(outside, path.join(folder, 'train', 'link'));
    await symlink(path.join(outside, 'secret_0.png'), path.join(folder, 'train', 'ID_1', 'linked_0.png'));
    return { folder, outside };
  }

  /** The brightest grey value of all images that the study gives. */
  async function brightest(folder: string, onBadFile: 'throw' | 'skip'): Promise<number> {
    const source = await openKaggleFolder(folder, { preprocessing, labels: ['ich'], onBadFile });
    let highest = 0;
    for (const patient of source.patients) {
      const { images, labels } = await source.load(patient);
      highest = Math.max(
        highest,
        tf.tidy(() => 255 * tf.max(images).dataSync()[0]!),
      );
      tf.dispose([images, labels!]);
    }
    return highest;
  }

  it('is never left, whatever names are in it', async () => {
    const { folder } = await study();
    const name = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...LEADING_OUT) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom(...LEADING_OUT), fc.constantFrom(...LEADING_OUT))
          .map((both) => both.join('/')),
      },
    );
    const rows = fc.array(fc.tuple(name, name, fc.constantFrom('0', '1')), { minLength: 1, maxLength: 2 });
    const { accepted } = await fuzz({
      mutants: fc.record({ rows, onBadFile: fc.constantFrom('throw' as const, 'skip' as const) }),
      count: MUTANTS.tables * 0.1,
      read: async ({ rows: list, onBadFile }) => {
        const lines = list.map(([patient, slice, label]) => `"${patient}","${slice}",${label}`);
        await writeFile(path.join(folder, 'train.csv'), ['dirname,ID,ich', ...lines].join('\n'));
        expect(Math.round(await brightest(folder, onBadFile))).toBe(INSIDE);
      },
      refusal: DataError,
      names: folder,
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it('is what the images come from: one that lies outside would be seen', async () => {
    const { folder, outside } = await study();
    await writeFile(path.join(folder, 'train.csv'), 'dirname,ID,ich\nID_3,secret_0.png,1\n');
    await expect(brightest(folder, 'throw')).rejects.toThrow(DataError);
    await mkdir(path.join(folder, 'train', 'ID_3'));
    await rename(path.join(outside, 'secret_0.png'), path.join(folder, 'train', 'ID_3', 'secret_0.png'));
    expect(Math.round(await brightest(folder, 'throw'))).toBe(OUTSIDE);
  });
});

itHasReadAll('tables');
