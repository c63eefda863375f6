import { describe, expect, it } from 'vitest';
import { parseScanTable } from '../../../src/data/tables/scan_table';
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
