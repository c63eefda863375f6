import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import {
  csv,
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  textOfCell,
  type SlicePrediction,
} from '../../../src/data/tables/predictions_table';
import { ArgumentError, DataError } from '../../../src/base/errors';

const prediction = (changes: Partial<SlicePrediction> = {}): SlicePrediction => ({
  patient: 'ID_049',
  slice: '049_0.jpg',
  probabilities: [0.1, 0.2, 0, 1, Math.fround(1e-7)],
  decisions: [0, 1, 0, 1, 0],
  ...changes,
});

describe('probabilitiesTable', () => {
  it('writes the layout of train.csv', () => {
    expect(probabilitiesTable([prediction()], CT_LABELS)).toBe(
      'dirname,ID,ich,ivh,sah,sdh,edh\nID_049,049_0.jpg,0.1,0.2,0,1,1e-7\n',
    );
  });

  it('keeps every float32, and every name, through a CSV reader', () => {
    const name = fc
      .string({ minLength: 1, unit: fc.constantFrom('a', 'ü', '"', ',', "'", ' ', '1', ';', '=') })
      .map((s) => `x${s}_1.jpg`);
    fc.assert(
      fc.property(name, fc.float({ min: 0, max: 1, noNaN: true }), (text, p) => {
        const table = probabilitiesTable(
          [{ patient: text, slice: text, probabilities: [p], decisions: [1] }],
          ['x'],
        );
        const [, record] = parse(table);
        expect(record!.slice(0, 2)).toEqual([text, text]);
        expect(Math.fround(Number(record![2]))).toBe(Math.fround(p) + 0);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['=cmd|"calc"!A0', `"'=cmd|""calc""!A0"`],
    ['+1+1', "'+1+1"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['-5', '-5'], // a number
    ['a=b', 'a=b'],
    ["'=1+1", "''=1+1"],
  ])('writes %s so that a spreadsheet does not run it, in every table', (name, field) => {
    const one = { patient: name, slice: name, probabilities: [0.5], decisions: [1 as const] };
    expect(probabilitiesTable([one], ['x'])).toBe(`dirname,ID,x\n${field},${field},0.5\n`);
    expect(patientProbabilitiesTable([one], ['x'])).toBe(`patient,x\n${field},0.5\n`);
    expect(patientProbabilitiesTable([], [name])).toBe(`patient,${field}\n`);
    const id = submissionTable([one], ['x']).split('\n')[1]!;
    expect(id).not.toMatch(/^"?[=+\-@]/);
  });

  it('writes texts that can all be told apart again', () => {
    const text = fc.string({ unit: fc.constantFrom("'", '=', '+', '-', '@', '1', 'a', ',', '"') });
    fc.assert(
      fc.property(text, (written) => {
        fc.pre(written !== '');
        const [[read]] = parse(csv([[written]])) as [[string]];
        expect(textOfCell(read)).toBe(written);
      }),
      { numRuns: 500 },
    );
  });

  it('quotes label names that need it', () => {
    const table = probabilitiesTable([prediction({ probabilities: [0.5], decisions: [1] })], ['a,"b"']);
    expect(table.split('\n')[0]).toBe('dirname,ID,"a,""b"""');
  });

  it('writes a header alone for no prediction', () => {
    expect(probabilitiesTable([], ['x'])).toBe('dirname,ID,x\n');
  });

  it.each([
    ['too few', [0.1]],
    ['above 1', [0.1, 0.2, 0, 1.01, 0]],
    ['below 0', [-0.1, 0.2, 0, 1, 0]],
    ['NaN', [NaN, 0.2, 0, 1, 0]],
  ])('refuses probabilities: %s', (_, probabilities) => {
    const run = () => probabilitiesTable([prediction({ probabilities })], CT_LABELS);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(/probabilities of ID_049, 049_0\.jpg: expected 5 numbers in \[0, 1\]/);
  });

  it('refuses a slice twice and a path', () => {
    expect(() => probabilitiesTable([prediction(), prediction()], CT_LABELS)).toThrow(
      /same ID.*patient ID_049, slice 049_0\.jpg/,
    );
    expect(() => probabilitiesTable([prediction({ slice: '../x_1.jpg' })], CT_LABELS)).toThrow(DataError);
  });
});

it('tables take patients of several studies, <study>/<patient>, and no other path', () => {
  const table = probabilitiesTable(
    [prediction({ patient: 'a/ID_049' }), prediction({ patient: 'b/ID_049' })],
    CT_LABELS,
  );
  expect(parse(table).map(([patient]) => patient)).toEqual(['dirname', 'a/ID_049', 'b/ID_049']);
  for (const patient of ['/ID_049', 'a/', 'a//b', '../ID_049', 'a/..', 'a\\b']) {
    expect(() => probabilitiesTable([prediction({ patient })], CT_LABELS)).toThrow(DataError);
  }
});

describe('patientProbabilitiesTable', () => {
  const of = (patient: string) => ({
    patient,
    probabilities: [0.25, Math.fround(0.1)],
    decisions: [0, 0] as const,
  });

  it('writes a row for every patient', () => {
    expect(patientProbabilitiesTable([of('ID_1'), of('CQ500CT0 CQ500CT0')], ['ich', 'any'])).toBe(
      'patient,ich,any\nID_1,0.25,0.1\nCQ500CT0 CQ500CT0,0.25,0.1\n',
    );
    expect(patientProbabilitiesTable([], ['x'])).toBe('patient,x\n');
  });

  it('refuses a patient twice, a path, and numbers that are no probabilities', () => {
    const labels = ['ich', 'any'];
    expect(() => patientProbabilitiesTable([of('p'), of('p')], labels)).toThrow(/occurs twice \(patient p\)/);
    expect(() => patientProbabilitiesTable([of('../p')], labels)).toThrow(DataError);
    expect(() => patientProbabilitiesTable([{ ...of('p'), probabilities: [NaN, 0] }], labels)).toThrow(
      /probabilities of p: expected 2 numbers in \[0, 1\]/,
    );
  });
});

describe('submissionTable', () => {
  it('writes a row for every slice and label', () => {
    expect(submissionTable([prediction(), prediction({ slice: '049_1.png' })], CT_LABELS)).toBe(
      [
        'ID,prediction',
        '049_0_ich,0',
        '049_0_ivh,1',
        '049_0_sah,0',
        '049_0_sdh,1',
        '049_0_edh,0',
        '049_1_ich,0',
        '049_1_ivh,1',
        '049_1_sah,0',
        '049_1_sdh,1',
        '049_1_edh,0',
        '',
      ].join('\n'),
    );
  });

  it('refuses slices of two patients that would share an ID', () => {
    expect(() => submissionTable([prediction(), prediction({ patient: 'ID_050' })], CT_LABELS)).toThrow(
      /slice 049_0\.jpg of patient ID_049 has the same ID.*patient ID_050/,
    );
  });

  it.each(['patient', 'probabilities', 'decisions'])('refuses predictions without %s', (missing) => {
    const part = prediction({ [missing]: undefined });
    expect(() => submissionTable([part], CT_LABELS)).toThrow(ArgumentError);
    expect(() => submissionTable([part], CT_LABELS)).toThrow(new RegExp(`${missing}.*received undefined`));
  });

  it('refuses decisions that are not 0 or 1', () => {
    const decisions = [0, 0.5, 0, 0, 0] as unknown as (0 | 1)[];
    expect(() => submissionTable([prediction({ decisions })], CT_LABELS)).toThrow(
      /decisions of ID_049.*expected 5 values 0 or 1/,
    );
  });
});
