import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupByPatient, parseKaggleTable } from '../../../src/data/tables/kaggle_table';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { seededRandom, shuffled } from '../../../src/base/random';

const HEADER = ['dirname', 'ID', ...CT_LABELS];
const row = (patient: string, slice: string, ...labels: string[]) => [
  patient,
  slice,
  ...(labels.length > 0 ? labels : ['0', '0', '0', '0', '0']),
];

describe('parseKaggleTable', () => {
  it("reads the challenge's rows", () => {
    expect(parseKaggleTable([HEADER, row('ID_049', '049_0.jpg', '0', '1', '0', '0', '1')])).toEqual([
      { patient: 'ID_049', slice: '049_0.jpg', row: 2, labels: [0, 1, 0, 0, 1] },
    ]);
  });

  it('gives back any study, in any column order, with spaces and empty records', () => {
    const study = fc.uniqueArray(
      fc.record({
        patient: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_ü-]{0,8}[0-9]$/),
        n: fc.nat(500),
        labels: fc.array(fc.nat(1), { minLength: 5, maxLength: 5 }),
      }),
      { minLength: 1, maxLength: 20, selector: ({ patient, n }) => `${patient}/${n}` },
    );
    fc.assert(
      fc.property(study, fc.integer(), (slices, seed) => {
        const columns = shuffled([0, 1, 2, 3, 4, 5, 6], seededRandom(seed));
        const reorder = (fields: string[]) => columns.map((c) => ` ${fields[c]!} `);
        const records = [
          reorder(HEADER),
          ...slices.map(({ patient, n, labels }) =>
            reorder(row(patient, `x_${n}.jpg`, ...labels.map(String))),
          ),
          [''],
        ];
        expect(parseKaggleTable(records)).toEqual(
          slices.map(({ patient, n, labels }, i) => ({ patient, slice: `x_${n}.jpg`, row: i + 2, labels })),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('counts rows past empty records', () => {
    const rows = parseKaggleTable([HEADER, [''], row('a', 'a_0.jpg'), [], row('a', 'a_1.jpg')]);
    expect(rows.map((r) => r.row)).toEqual([3, 5]);
  });

  it('takes a table without labels when they are not required', () => {
    const records = [
      ['ID', 'dirname'],
      ['a_0', 'a'],
    ];
    expect(parseKaggleTable(records, { requireLabels: false })).toEqual([
      { patient: 'a', slice: 'a_0', row: 2 },
    ]);
    expect(() => parseKaggleTable(records, { file: 't.csv' })).toThrow(
      /missing column "ich", "ivh", "sah", "sdh", "edh".*found ID,dirname.*file t\.csv, row 1/,
    );
    // labels that are there are read
    const labelled = parseKaggleTable([HEADER, row('a', 'a_0')], { requireLabels: false });
    expect(labelled[0]!.labels).toEqual([0, 0, 0, 0, 0]);
  });

  it('takes other labels, in the order asked for', () => {
    const records = [
      ['dirname', 'ID', 'x', 'y'],
      ['a', 'a_0', '1', '0'],
    ];
    expect(parseKaggleTable(records, { labels: ['y', 'x'] })[0]!.labels).toEqual([0, 1]);
  });

  it('gives any of the labels that are there, and -1 for others where they may be missing', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['ich', 'ivh', 'sah', 'sdh', 'edh', 'any', 'fracture'], { minLength: 1 }),
        fc.shuffledSubarray(['ich', 'ivh', 'sah', 'sdh', 'edh', 'any', 'fracture'], { minLength: 1 }),
        fc.array(fc.nat(1), { minLength: 7, maxLength: 7 }),
        (columns, labels, bits) => {
          const records = [
            ['dirname', 'ID', ...columns],
            ['a', 'a_0', ...columns.map((_, i) => String(bits[i]))],
          ];
          const parse = (missingLabels: 'throw' | 'unlabelled') => () =>
            parseKaggleTable(records, { labels, missingLabels })[0]!.labels;
          const expected = labels.map((label) => bits[columns.indexOf(label)] ?? -1);
          const missing = labels.filter((label) => !columns.includes(label)).length;
          if (missing === 0) expect(parse('throw')()).toEqual(expected);
          else expect(parse('throw')).toThrow(/missing column/);
          if (missing < labels.length) expect(parse('unlabelled')()).toEqual(expected);
          else expect(parse('unlabelled')).toThrow(/missing column/);
        },
      ),
    );
  });

  it('takes no misspelt label for a missing one, and no other columns for a table of names alone', () => {
    const parse =
      (columns: string[], labels: string[], requireLabels = true) =>
      () => {
        const records = [['dirname', 'ID', ...columns], ['a', 'a_0', ...columns.map(() => '1')]]; // prettier-ignore
        return parseKaggleTable(records, {
          labels,
          requireLabels,
          missingLabels: 'unlabelled',
          file: 't.csv',
        });
      };
    expect(parse(['ich', 'edhh'], ['ich', 'edh'])).toThrow(/missing column "edh".*did you mean 'edhh'\?/);
    expect(parse(['ich', 'edh'], ['ich', 'edhh'])).toThrow(/missing column "edhh".*did you mean 'edh'\?/);
    expect(parse(['sdh', 'edh'], ['ich', 'sah'], false)).toThrow(
      /missing column "ich", "sah".*file t\.csv, row 1/,
    );
    expect(parse([], ['ich'], false)()[0]).not.toHaveProperty('labels');
    const options = { missingLabels: 'unlabeled' as never };
    expect(() => parseKaggleTable([HEADER], options)).toThrow(/did you mean 'unlabelled'\?/);
  });

  const bad: [string, string[][], RegExp][] = [
    ['no record', [], /table is empty.*file t\.csv/],
    ['only empty records', [[''], ['']], /table is empty.*file t\.csv/],
    ['a header alone', [HEADER], /no slice.*file t\.csv/],
    [
      'a column of something else',
      [
        [...HEADER, 'age'],
        [...row('a', 'a_0'), '71'],
      ],
      /label age: expected 0 or 1, found "71" \(file t\.csv, row 2, patient a, slice a_0\)/,
    ],
    [
      'a misspelt label',
      [[...HEADER.slice(0, 6), 'edhh'], row('a', 'a_0')],
      /missing column "edh".*did you mean 'edhh'\?.*row 1/,
    ],
    [
      'a missing label',
      [HEADER.slice(0, 6), row('a', 'a_0')],
      /missing column "edh".*found dirname,ID.*row 1/,
    ],
    ['no patient column', [HEADER.slice(1), row('a', 'a_0')], /missing column "dirname"/],
    ['a repeated column', [[...HEADER, 'ich'], row('a', 'a_0')], /repeated column "ich"/],
    ['an extra field', [HEADER, [...row('a', 'a_0'), '0']], /expected 7 fields.*found 8.*row 2/],
    ['a missing field', [HEADER, row('a', 'a_0').slice(1)], /expected 7 fields.*found 6.*row 2/],
    [
      'label 2',
      [HEADER, row('a', 'a_0.jpg', '0', '2', '0', '0', '0')],
      /label ivh: expected 0 or 1, found "2" \(file t\.csv, row 2, patient a, slice a_0\.jpg\)/,
    ],
    ['an empty label', [HEADER, row('a', 'a_0', '0', '0', '', '0', '0')], /label sah.*found ""/],
    ['label -1', [HEADER, row('a', 'a_0', '-1', '0', '0', '0', '0')], /label ich.*found "-1"/],
    ['label 1.0', [HEADER, row('a', 'a_0', '1.0', '0', '0', '0', '0')], /label ich.*found "1\.0"/],
    [
      'a slice twice',
      [HEADER, row('a', 'a_0.jpg'), row('b', 'b_0.jpg'), row('a', 'a_0.jpg')],
      /already in row 2 \(file t\.csv, row 4, patient a, slice a_0\.jpg\)/,
    ],
    [
      'a slice with and without ending',
      [HEADER, row('a', 'a_0'), row('a', 'a_0.jpg')],
      /already in row 2.*row 3/,
    ],
    ['an empty patient', [HEADER, row('', 'a_0')], /patient name is empty.*row 2/],
    ['an empty slice', [HEADER, row('a', ' ')], /slice name is empty.*row 2, patient a/],
    [
      'a name without number',
      [HEADER, row('a', 'a.jpg')],
      /no number after its last underscore.*slice a\.jpg/,
    ],
    ...['..', '.', '../b', '/etc', 'b/c', 'b\\c', '\\\\host', 'C:', 'c:\\x'].map(
      (name): [string, string[][], RegExp] => [
        `patient ${JSON.stringify(name)}`,
        [HEADER, row(name, 'a_0.jpg')],
        /patient name ".*is a path.*row 2/s,
      ],
    ),
    ...['..', '../a_0.jpg', '/a_0.jpg', 'b/a_0.jpg', 'b\\a_0.jpg', 'C:a_0.jpg'].map(
      (name): [string, string[][], RegExp] => [
        `slice ${JSON.stringify(name)}`,
        [HEADER, row('a', name)],
        /slice name ".*is a path.*row 2, patient a/s,
      ],
    ),
    ...['\0', '\n', '\r', '\t', '\x1b[31m', '\x7f', '\u009b', '\u2028'].flatMap(
      (control): [string, string[][], RegExp][] => [
        [
          `patient with ${JSON.stringify(control)}`,
          [HEADER, row(`a${control}b`, 'a_0.jpg')],
          /patient name "a\\.*b" has a line end or another control character, .*row 2/,
        ],
        [
          `slice with ${JSON.stringify(control)}`,
          [HEADER, row('a', `a${control}b_0.jpg`)],
          /slice name "a\\.*b_0\.jpg" has a line end or another control character, .*row 2, patient a/,
        ],
      ],
    ),
  ];
  it.each(bad)('refuses %s', (_, records, message) => {
    const run = () => parseKaggleTable(records, { file: 't.csv' });
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });

  it('puts the place into the error as data', () => {
    let error: unknown;
    try {
      parseKaggleTable([HEADER, row('a', 'a_0.jpg', 'x', '0', '0', '0', '0')], { file: 't.csv' });
    } catch (e) {
      error = e;
    }
    expect((error as DataError).location).toEqual({ file: 't.csv', row: 2, patient: 'a', slice: 'a_0.jpg' });
  });

  it('never lets a name with a separator through', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('/', '\\', '\0', '\n', '\x1b'),
        fc.string(),
        (before, char, after) => {
          const name = `${before}${char}${after}_0.jpg`;
          const refused = /is a path|control character/;
          // `x` on both sides, because spaces and line ends around a field are no part of it
          expect(() => parseKaggleTable([HEADER, row(`x${name}`, 'a_0')])).toThrow(refused);
          expect(() => parseKaggleTable([HEADER, row('a', `x${name}`)])).toThrow(refused);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([[[]], [['a', 'a']], [['ID']], [['']]])('refuses label names %j', (labels) => {
    expect(() => parseKaggleTable([HEADER], { labels })).toThrow(ArgumentError);
  });
});

describe('groupByPatient', () => {
  it('orders slices by number, across gaps and mixed rows', () => {
    const rows = parseKaggleTable([
      HEADER,
      row('b', 'b_10.jpg'),
      row('a', 'a_7.jpg'),
      row('b', 'b_9.jpg'),
      row('b', 'b_100.jpg'),
      row('a', 'a_0.jpg'),
    ]);
    const groups = [...groupByPatient(rows)].map(([patient, slices]) => [
      patient,
      slices.map((s) => s.slice),
    ]);
    expect(groups).toEqual([
      ['b', ['b_9.jpg', 'b_10.jpg', 'b_100.jpg']],
      ['a', ['a_0.jpg', 'a_7.jpg']],
    ]);
  });

  it('says of a header or a name of any length only how it begins', () => {
    const columns = Array.from({ length: 50_000 }, (_, i) => `c${i}`);
    const long = 'x'.repeat(1e6);
    for (const records of [
      [columns, columns],
      [[...columns, ...columns], columns],
      [HEADER, row(`${long}/`, 'a_1.jpg')],
      [HEADER, row('a', `${long}_x`)],
      [HEADER, [...row('a', 'a_1.jpg').slice(0, -1), long]],
    ]) {
      const parse = () => parseKaggleTable(records, { file: 't.csv' });
      expect(parse).toThrow(DataError);
      expect(parse).toThrow(/^.{10,3000}$/);
    }
  });

  it('refuses two slices with one number', () => {
    const rows = parseKaggleTable([HEADER, row('a', 'a_1.jpg'), row('a', 'a_01.jpg')]);
    expect(() => groupByPatient(rows, 't.csv')).toThrow(
      /same number as a_1\.jpg.*file t\.csv, row 3, patient a, slice a_01\.jpg/,
    );
  });
});
