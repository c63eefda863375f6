import { makePhantomStudy } from '../../../src/data/phantom/phantom';
import { RSNA_LABELS, RSNA_TO_CT_LABELS } from '../../../src/data/labels/rsna_labels';
import { CT_LABELS, type CtLabel } from '../../../src/data/labels/labels';
import { ctSlice, dicomBytes } from '../../support/dicom_bytes';

/** Synthetic patients as DICOM files, as the RSNA challenge hands them out: all in one folder, in no order, with a long table. */
export function dicomStudy(options: { patients: number; slices: number; size: number; seed: number }) {
  const files: Record<string, Uint8Array> = {};
  const table = ['ID,Label'];
  const labels = new Map<string, number[]>();
  for (const { id, hu, labels: ofSlices, size, slices } of makePhantomStudy(options)) {
    for (let i = 0; i < slices; i++) {
      // names that say nothing of the order
      const name = `ID_${((i * 7 + 3) % 97).toString(16).padStart(3, '0')}${id.slice(3)}`;
      const stored = [...hu.subarray(i * size * size, (i + 1) * size * size)].map(Math.round);
      files[`stage_2_train/${name}.dcm`] = dicomBytes(
        ctSlice({
          ...{ rows: size, columns: size, stored, position: [-125, -125, 5 * i], uid: name },
          elements: {
            '0010,0020': ['LO', id],
            '0020,000d': ['UI', `study ${id}`],
            '0020,000e': ['UI', `series ${id}`],
          },
        }),
      );
      labels.set(name, ofSlices[i]!);
      for (const label of RSNA_LABELS) {
        const bit =
          label === 'any'
            ? Math.max(...ofSlices[i]!)
            : ofSlices[i]![CT_LABELS.indexOf(RSNA_TO_CT_LABELS[label] as CtLabel)]!;
        table.push(`${name}_${label},${bit}`);
      }
    }
  }
  return {
    files: { ...files, 'stage_2_train.csv': `${table.join('\n')}\n` } as Record<string, string | Uint8Array>,
    labels,
  };
}
