import { describe, expect, it } from 'vitest';
import { parseDicomHeader } from '../../src/dicom/index';
import { ctSlice, dicomBytes, type DicomElements } from '../support/dicom_bytes';

const kinds = (elements: DicomElements) =>
  parseDicomHeader(dicomBytes(ctSlice({ elements }))).problems.map(
    ({ kind, severity }) => `${severity} ${kind}`,
  );

describe('the header of a file that may say who the patient is', () => {
  it('is warned of where a name stands in it', () => {
    expect(kinds({ '0010,0010': ['PN', 'Mustermann^Max'] })).toEqual(['warning patient-named']);
    const problems = parseDicomHeader(dicomBytes(ctSlice({ elements: { '0010,0010': ['PN', 'Mustermann^Max'] } }))).problems; // prettier-ignore
    expect(JSON.stringify(problems)).not.toContain('Mustermann');
  });

  it('is not where the name is the patient ID, or was taken away', () => {
    for (const name of ['P1', 'Anonymous', 'REMOVED', '^', ''])
      expect(kinds({ '0010,0010': ['PN', name] })).toEqual([]);
    expect(kinds({ '0010,0010': ['PN', 'Any^Name'], '0012,0062': ['CS', 'YES'] })).toEqual([]);
    expect(kinds({ '0010,0010': ['PN', 'Any^Name'], '0012,0062': ['CS', 'NO'] })).toEqual([
      'warning patient-named',
    ]);
  });

  it('is warned of where text is burned in', () => {
    expect(kinds({ '0028,0301': ['CS', 'YES'] })).toEqual(['warning burned-in-text']);
    expect(kinds({ '0028,0301': ['CS', 'NO'] })).toEqual([]);
  });
});
