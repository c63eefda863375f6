import { describe, expect, it } from 'vitest';
import { patientsUnknown } from '../../../src/data/checks/patients_unknown';
import { labelSource } from './label_source';

describe('patientsUnknown', () => {
  const one = [[0]];
  const two = [[0], [1]];

  it('is true where every stack is a single slice', () => {
    expect(patientsUnknown(labelSource(['x'], { a: one, b: one, c: one }))).toBe(true);
    expect(patientsUnknown(labelSource(['x'], { a: one, b: two, c: one }))).toBe(false);
    expect(patientsUnknown(labelSource(['x'], { a: two, b: two }))).toBe(false);
  });

  it('is false where the source says which slices are of one person, or has no patient', () => {
    const slices = labelSource(['x'], { a_1: one, a_2: one, b_1: one });
    expect(patientsUnknown({ ...slices, groupOf: (slice) => slice[0]! })).toBe(false);
    expect(patientsUnknown({ ...slices, groupOf: (slice) => `person of ${slice}` })).toBe(true);
    expect(patientsUnknown(labelSource(['x'], {}))).toBe(false);
  });
});
