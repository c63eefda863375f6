import { check, isRecord } from '../../base/checks';
import { ArgumentError } from '../../base/errors';
import { rule } from '../../base/options';
import type { Labels } from '../../base/types';

/**
 * A concept of a vocabulary.
 *
 * @inline
 */
export interface DicomCode {
  /** Its code, at most 16 characters. */
  value: string;
  /** Designator of the vocabulary, at most 16 characters: `'SCT'` (SNOMED CT), `'DCM'`, `'RADLEX'`, … */
  scheme: string;
  /** What it means, in words, at most 64 characters. */
  meaning: string;
}

const code = (scheme: string) => (value: string, meaning: string): DicomCode => ({ value, scheme, meaning }); // prettier-ignore

export const dcm = code('DCM');
export const sct = code('SCT');

/** The vocabulary of what no other has. */
export const OWN_SCHEME = '99CTML';

/** Units of probabilities and thresholds. */
export const PERCENT: DicomCode = { value: '%', scheme: 'UCUM', meaning: 'Percent' };

const CEREBRAL = sct('274100004', 'Cerebral hemorrhage');
const VENTRICULAR = sct('23276006', 'Intraventricular hemorrhage');
const SUBARACHNOID = sct('21454007', 'Subarachnoid intracranial hemorrhage');
const SUBDURAL = sct('35486000', 'Subdural intracranial hemorrhage');
const EPIDURAL = sct('82999001', 'Epidural intracranial hemorrhage');

/** What the labels of the two challenges are in SNOMED CT. */
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
 * @throws ArgumentError for a label that has none.
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
      `${what}: codes: expected one for the label '${label}', which is none of ${Object.keys(LABEL_CODES).join(', ')}`,
    );
  });
}
