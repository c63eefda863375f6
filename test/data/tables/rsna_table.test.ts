import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { RSNA_LABELS, RSNA_TO_CT_LABELS } from '../../../src/data/labels/rsna_labels';
import { RsnaTableReader, type RsnaTable, type RsnaTableOptions } from '../../../src/data/tables/rsna_table';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { seededRandom, shuffled } from '../../../src/base/random';

const HEADER = ['ID', 'Label'];
/** The six rows of a slice, its labels in the order of RSNA_LABELS. */
const rows = (slice: string, bits: readonly number[] = [0, 0, 0, 0, 0, 0]) =>
  RSNA_LABELS.map((label, i) => [`${slice}_${label}`, String(bits[i])]);

function read(records: readonly (readonly string[])[], options: RsnaTableOptions = {}): RsnaTable {
  const reader = new RsnaTableReader({ file: 't.csv', ...options });
  records.forEach((record, i) => reader.add(record, i + 1));
  return reader.finish();
}

describe('RsnaTableReader', () => {
  it('reads six rows per slice', () => {
    const table = read([HEADER, ...rows('ID_a', [0, 1, 0, 0, 1, 1]), ...rows('ID_b')]);
    expect(table.labels).toEqual(RSNA_LABELS);
    expect([...table.slices]).toEqual([
      ['ID_a', [0, 1, 0, 0, 1, 1]],
      ['ID_b', [0, 0, 0, 0, 0, 0]],
    ]);
    expect(table).toMatchObject({ duplicates: [], inconsistent: [] });
  });

  it('gives back any study, its rows in any order, with repeated ones', () => {
    const study = fc.uniqueArray(
      fc.record({
        slice: fc.stringMatching(/^ID_[0-9a-f]{1,9}(_[0-9a-z.]{1,4})?$/),
        five: fc.array(fc.nat(1), { minLength: 5, maxLength: 5 }),
      }),
      { minLength: 1, maxLength: 30, selector: ({ slice }) => slice },
    );
    fc.assert(
      fc.property(study, fc.nat(5), fc.integer(), fc.boolean(), (slices, again, seed, turned) => {
        const bits = new Map(slices.map(({ slice, five }) => [slice, [...five, Math.max(...five)]]));
        const all = [...bits].flatMap(([slice, labels]) => rows(slice, labels));
        const body = shuffled([...all, ...all.slice(0, again)], seededRandom(seed));
        const records = [HEADER, ...body].map((record) => (turned ? [...record].reverse() : record));
        const table = read(records);
        expect(new Map(table.slices)).toEqual(bits);
        expect(table.inconsistent).toEqual([]);
        expect(table.duplicates).toHaveLength(again);
        for (const { slice, label, firstRow, row } of table.duplicates) {
          expect(row).toBeGreaterThan(firstRow);
          for (const at of [firstRow, row]) expect(records[at - 1]).toContain(`${slice}_${label}`);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives the labels asked for, by either name, in that order', () => {
    const records = [HEADER, ...rows('ID_a', [1, 0, 0, 0, 1, 1])];
    expect(read(records, { labels: CT_LABELS }).slices.get('ID_a')).toEqual([0, 0, 0, 1, 1]);
    const table = read(records, { labels: ['any', 'epidural', 'ich'] });
    expect(table.slices.get('ID_a')).toEqual([1, 1, 0]);
    expect(table.labels).toEqual(['any', 'epidural', 'ich']);
    // the challenge's five, and nothing else, have a counterpart
    expect(Object.values(RSNA_TO_CT_LABELS).sort()).toEqual([...CT_LABELS].sort());
  });

  it('holds more slices than it first made room for', () => {
    const names = Array.from({ length: 3000 }, (_, i) => `ID_${i}`);
    const bits = (i: number) => [i & 1, 0, (i >> 1) & 1, 0, 0, Number((i & 3) !== 0)];
    const { slices } = read([HEADER, ...names.flatMap((slice, i) => rows(slice, bits(i)))]);
    expect([...slices.values()]).toEqual(names.map((_, i) => bits(i)));
    expect(new Set(slices.values()).size).toBe(4); // equal vectors are one object
  });

  it('ignores spaces, and empty records but for their row', () => {
    const [first, ...rest] = rows('ID_a');
    const reader = new RsnaTableReader({ file: 't.csv' });
    reader.add([''], 1);
    reader.add([' ID ', 'Label '], 2);
    reader.add([], 3);
    for (const record of [first!, ...rest]) reader.add([` ${record[0]} `, ` ${record[1]}`], 4);
    expect(() => reader.add(['ID_a_any', '1'], 5)).toThrow(/label any is 1, but 0 in row 4/);
    expect([...reader.finish().slices.keys()]).toEqual(['ID_a']);
  });

  it('lists rows that repeat one with an equal label, and refuses other labels with both rows', () => {
    const table = [HEADER, ...rows('ID_a'), ...rows('ID_b')];
    expect(read([...table, ['ID_a_subdural', '0']]).duplicates).toEqual([
      { slice: 'ID_a', label: 'subdural', firstRow: 6, row: 14 },
    ]);
    const conflict = () => read([...table, ['ID_a_subdural', '1']]);
    expect(conflict).toThrow(DataError);
    expect(conflict).toThrow('label subdural is 1, but 0 in row 6 (file t.csv, row 14, slice ID_a)');
  });

  it('lists slices whose any does not fit, or refuses them', () => {
    const records = [
      HEADER,
      ...rows('ID_a', [0, 0, 0, 0, 0, 1]),
      ...rows('ID_b', [1, 0, 0, 0, 0, 0]),
      ...rows('ID_c', [1, 0, 0, 0, 0, 1]),
    ];
    expect(read(records).inconsistent).toEqual(['ID_a', 'ID_b']);
    expect(() => read(records, { onInconsistentAny: 'throw' })).toThrow(
      'label any is 1, the largest of the five hemorrhages is 0 (file t.csv, slice ID_a)',
    );
  });

  const bad: [string, string[][], RegExp][] = [
    ['no record', [], /table is empty.*file t\.csv/],
    ['a header alone', [HEADER], /no slice.*file t\.csv/],
    [
      'another header',
      [['id', 'Label']],
      /expected the header ID,Label, found id,Label \(file t\.csv, row 1\)/,
    ],
    ['a third column', [[...HEADER, 'x']], /expected the header ID,Label/],
    ['a third field', [HEADER, ['ID_a_any', '0', '0']], /expected 2 fields.*found 3 \(file t\.csv, row 2\)/],
    ['a single field', [HEADER, ['ID_a_any']], /expected 2 fields.*found 1/],
    [
      'label 0.5',
      [HEADER, ['ID_a_any', '0.5']],
      /label any: expected 0 or 1, found "0\.5".*row 2, slice ID_a/,
    ],
    ['an unknown label', [HEADER, ['ID_a_ich', '0']], /with a label of epidural,.*found "ID_a_ich".*row 2/],
    ['no prefix', [HEADER, ['a_any', '0']], /expected ID_<slice>_<label>/],
    ['no slice', [HEADER, ['ID_any', '0']], /expected ID_<slice>_<label>/],
    ['an empty slice', [HEADER, ['ID__any', '0']], /expected ID_<slice>_<label>/],
    ['a path', [HEADER, ['ID_../x_any', '0']], /slice name "ID_\.\.\/x" is a path/],
    [
      'missing labels',
      [HEADER, ...rows('ID_a'), ...rows('ID_b').slice(2)],
      /no row for epidural, intraparenchymal \(file t\.csv, slice ID_b\)/,
    ],
  ];
  it.each(bad)('refuses %s', (_, records, message) => {
    expect(() => read(records)).toThrow(DataError);
    expect(() => read(records)).toThrow(message);
  });

  it.each([[[]], [['epidural', 'edh']], [['any', 'any']], ['any']])('refuses labels %j', (labels) => {
    const make = () => new RsnaTableReader({ labels: labels as string[] });
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(/labels: expected a list of different labels out of epidural \(edh\)/);
  });

  it('reads a label that no slice has a row of as not labelled, where it may', () => {
    const without = (...left: string[]) =>
      [...rows('ID_a', [0, 1, 0, 0, 1, 1]), ...rows('ID_b')].filter(
        ([id]) => !left.some((label) => id!.endsWith(`_${label}`)),
      );
    const labels = ['fracture', 'ich', 'any', 'edh'];
    const lenient = { labels, missingLabels: 'unlabelled' as const };
    const table = read([HEADER, ...without('any', 'epidural')], lenient);
    expect(table.labels).toEqual(labels);
    expect([...table.slices]).toEqual([
      ['ID_a', [-1, 1, -1, -1]],
      ['ID_b', [-1, 0, -1, -1]],
    ]);
    expect(table.inconsistent).toEqual([]); // nothing to compare with
    expect([...read([HEADER, ...without()], lenient).slices.values()]).toEqual([
      [-1, 1, 1, 0],
      [-1, 0, 0, 0],
    ]);
    expect(() => read([HEADER, ...without('any')], { labels: ['any'] })).toThrow(/no row for any.*ID_a/);
    // a row that other slices have is missing, not the label
    const one = without().filter(([id]) => id !== 'ID_b_any');
    expect(() => read([HEADER, ...one], lenient)).toThrow(/no row for any \(.*slice ID_b\)/);
    expect(() => read([HEADER, ...without('any')], { ...lenient, labels: ['any', 'fracture'] })).toThrow(
      /no slice has a row for any of any, fracture \(file t\.csv\)/,
    );
    expect(() => read([HEADER], { ...lenient, labels: ['any', 'epidurall'] })).toThrow(
      /did you mean 'epidural'\?/,
    );
    expect(() => read([HEADER], { ...lenient, labels: ['fracture'] })).toThrow(ArgumentError);
  });

  it('suggests the nearest label', () => {
    expect(() => new RsnaTableReader({ labels: ['subdurall'] })).toThrow(
      /labels: expected one of 'epidural', .*, received "subdurall"; did you mean 'subdural'\?/,
    );
  });

  it('refuses another way with inconsistent slices', () => {
    expect(() => new RsnaTableReader({ onInconsistentAny: 'fix' as 'throw' })).toThrow(ArgumentError);
  });
});
