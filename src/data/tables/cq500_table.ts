import { checkOneOf } from '../../base/checks';
import { shortened } from '../../base/describe';
import { nearestName } from '../../base/nearest_name';
import type { CtLabel } from '../labels/labels';
import { checkMissing } from './label_columns';
import type { LabelTable } from './label_table';
import { ScanReader, type ScanColumns } from './scan_rows';

/**
 * Column of CQ500's `reads.csv` (after `R1:` and so on) for each of our labels.
 *
 * In CQ500, ICH is *any* intracranial hemorrhage; intraparenchymal hemorrhage, `ich` in {@link CT_LABELS}, is IPH there.
 */
export const CQ500_COLUMNS: Readonly<Record<CtLabel | 'any', string>> = {
  ich: 'IPH',
  ivh: 'IVH',
  sah: 'SAH',
  sdh: 'SDH',
  edh: 'EDH',
  any: 'ICH',
};

const READERS = ['R1', 'R2', 'R3'];

/** Three columns for each label, one for each reader. */
export const CQ500: ScanColumns = {
  voters: READERS.length,
  columnsOf: (label) => {
    const column = (CQ500_COLUMNS as Readonly<Record<string, string>>)[label];
    return column === undefined ? [] : READERS.map((reader) => `${reader}:${column}`);
  },
  checkLabels: (labels, present, missingLabels, header, where) => {
    // a label that CQ500 does not have at all is a different error from a missing column
    const known = Object.keys(CQ500_COLUMNS);
    const may = (label: string) => missingLabels === 'unlabelled' && nearestName(label, known) === undefined;
    const unknown = labels.find((label) => !known.includes(label) && !may(label));
    if (unknown !== undefined) checkOneOf(unknown, known, 'labels of CQ500');
    if (missingLabels === 'throw') return;
    checkMissing(labels, present, missingLabels, `found ${shortened(header.join(','))}`, where);
  },
};

/** CQ500's table: a scan is found by the name of its patient or of a folder. */
export const CQ500_TABLE: LabelTable = {
  name: 'CQ500',
  header: 'name,R1:<finding>,R2:<finding>,R3:<finding>',
  fileNames: ['reads.csv'],
  matches: (header) => header.some((name) => READERS.some((reader) => name.startsWith(`${reader}:`))),
  reader: (wanted) => new ScanReader(wanted, CQ500),
};
