import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import type { SlicePrediction } from '../../../src/data/tables/predictions_table';
import { RSNA_LABELS } from '../../../src/data/labels/rsna_labels';
import { rsnaSubmissionTable } from '../../../src/data/tables/rsna_predictions_table';
import { RsnaTableReader } from '../../../src/data/tables/rsna_table';
import { ArgumentError, DataError } from '../../../src/base/errors';

const prediction = (slice: string, probabilities: number[]): SlicePrediction => ({
  patient: 'p',
  slice,
  probabilities,
  decisions: probabilities.map((p) => (p >= 0.5 ? 1 : 0)),
});

describe('rsnaSubmissionTable', () => {
  it("writes RSNA's names in RSNA's order, whatever the labels' own", () => {
    const all = prediction('ID_a.dcm', [0.7, 0.2, 0.3, 0.4, 0.5, 0.6]);
    expect(rsnaSubmissionTable([all], ['any', 'ich', 'ivh', 'sah', 'sdh', 'edh'])).toBe(
      [
        'ID,Label',
        'ID_a_epidural,0.6',
        'ID_a_intraparenchymal,0.2',
        'ID_a_intraventricular,0.3',
        'ID_a_subarachnoid,0.4',
        'ID_a_subdural,0.5',
        'ID_a_any,0.7',
        '',
      ].join('\n'),
    );
  });

  it('takes the largest of the five for any, where the model has none', () => {
    const table = rsnaSubmissionTable([prediction('ID_a', [0.125, 0.5, 0.25, 0, 0])], CT_LABELS);
    expect(table.trim().split('\n').at(-1)).toBe('ID_a_any,0.5');
  });

  it('is read back by the reader of the labels, where they are certain', () => {
    const bits = [0, 1, 0, 0, 1, 1];
    const reader = new RsnaTableReader();
    rsnaSubmissionTable([prediction('ID_a', bits), prediction('ID_b', [0, 0, 0, 0, 0, 0])], RSNA_LABELS)
      .trim()
      .split('\n')
      .forEach((line, i) => reader.add(line.split(','), i + 1));
    expect([...reader.finish().slices.values()]).toEqual([bits, [0, 0, 0, 0, 0, 0]]);
  });

  it('refuses other labels, names and numbers', () => {
    const five = prediction('ID_a', [0, 0, 0, 0, 0]);
    expect(() => rsnaSubmissionTable([five], ['ich', 'ivh', 'sah', 'sdh', 'any'])).toThrow(
      /labels: expected all five hemorrhages/,
    );
    expect(() => rsnaSubmissionTable([five], ['a', 'b', 'c', 'd', 'e'])).toThrow(ArgumentError);
    expect(() => rsnaSubmissionTable([five], RSNA_LABELS)).toThrow(/expected 6 numbers/);
    expect(() => rsnaSubmissionTable([{ ...five, slice: '049_0.jpg' }], CT_LABELS)).toThrow(
      /expected a slice named ID_… \(patient p, slice 049_0\.jpg\)/,
    );
    expect(() => rsnaSubmissionTable([five, { ...five, slice: 'ID_a.dcm' }], CT_LABELS)).toThrow(DataError);
  });
});
