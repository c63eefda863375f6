import { check, isRecord } from '../../base/checks';
import { ArgumentError } from '../../base/errors';
import { rule } from '../../base/options';
import type { Labels } from '../../base/types';

/**
 * A coded concept.
 *
 * @inline
 */
export interface DicomCode {
  /** Code value, at most 16 characters. */
  value: string;
  /** Coding scheme designator, at most 16 characters: `'SCT'` (SNOMED CT), `'DCM'`, `'RADLEX'`, … */
  scheme: string;
  /** Code meaning as text, at most 64 characters. */
  meaning: string;
}

const code = (scheme: string) => (value: string, meaning: string): DicomCode => ({ value, scheme, meaning }); // prettier-ignore

export const dcm = code('DCM');
export const sct = code('SCT');

/** Coding scheme of this library, for concepts that no other scheme has. */
export const OWN_SCHEME = '99CTML';

/** Units of probabilities and thresholds. */
export const PERCENT: DicomCode = { value: '%', scheme: 'UCUM', meaning: 'Percent' };

const CEREBRAL = sct('274100004', 'Cerebral hemorrhage');
const VENTRICULAR = sct('23276006', 'Intraventricular hemorrhage');
const SUBARACHNOID = sct('21454007', 'Subarachnoid intracranial hemorrhage');
const SUBDURAL = sct('35486000', 'Subdural intracranial hemorrhage');
const EPIDURAL = sct('82999001', 'Epidural intracranial hemorrhage');

/** SNOMED CT codes of the labels of both challenges. */
const LABEL_CODES: Readonly<Record<string, DicomCode>> = {
  ich: CEREBRAL,
  ivh: VENTRICULAR,
  sah: SUBARACHNOID,
  sdh: SUBDURAL,
  edh: EPIDURAL,
  intraparenchymal: CEREBRAL,
  intraventricular: VENTRICULAR,
  subarachnoid: SUBARACHNOID,
  subdural: SUBDURAL,
  epidural: EPIDURAL,
  any: sct('1386000', 'Intracranial hemorrhage'),
};

const isText = (value: unknown, most: number) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= most && !value.includes('\\');

const isCode = (value: unknown): boolean =>
  isRecord(value) &&
  isText(value['value'], 16) &&
  isText(value['scheme'], 16) &&
  isText(value['meaning'], 64);

export const CODES = rule<Readonly<Record<string, DicomCode>>>(
  'an object of { value, scheme, meaning } by label, with at most 16, 16 and 64 characters',
  (codes) => isRecord(codes) && Object.values(codes).every(isCode),
);

/**
 * The code of each label.
 *
 * @throws ArgumentError for a label without a code.
 */
export function labelCodes(
  what: string,
  labels: Labels,
  own: Readonly<Record<string, DicomCode>>,
): readonly DicomCode[] {
  for (const name of Object.keys(own)) {
    check(labels.includes(name), `${what}: codes`, `only labels of ${labels.join(', ')}`, name);
  }
  return labels.map((label) => {
    const found = Object.hasOwn(own, label) ? own[label] : undefined;
    if (found !== undefined) return found;
    if (Object.hasOwn(LABEL_CODES, label)) return LABEL_CODES[label]!;
    throw new ArgumentError(
      `${what}: codes: expected one for the label '${label}'; only ${Object.keys(LABEL_CODES).join(', ')} have a default`,
    );
  });
}
