import type { DicomCode } from './codes';
import type { Elements } from './write_object';

/** Relationship of an item to its parent (PS3.3, C.17.3.2.4). */
type Relationship = 'CONTAINS' | 'HAS CONCEPT MOD' | 'HAS OBS CONTEXT' | 'HAS ACQ CONTEXT';

export const codeItem = ({ value, scheme, meaning }: DicomCode): Elements => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
});

const item = (relationship: Relationship, type: string, concept: DicomCode, value: Elements): Elements => ({
  RelationshipType: relationship,
  ValueType: type,
  ConceptNameCodeSequence: [codeItem(concept)],
  ...value,
});

/** A heading with its items. */
export const container = (concept: DicomCode, items: readonly Elements[], template?: string): Elements =>
  item('CONTAINS', 'CONTAINER', concept, {
    ContinuityOfContent: 'SEPARATE',
    ContentTemplateSequence: template && [{ MappingResource: 'DCMR', TemplateIdentifier: template }],
    ContentSequence: items,
  });

export const text = (relationship: Relationship, concept: DicomCode, value: string): Elements =>
  item(relationship, 'TEXT', concept, { TextValue: value });

export const uidReference = (relationship: Relationship, concept: DicomCode, uid: string): Elements =>
  item(relationship, 'UIDREF', concept, { UID: uid });

export const coded = (relationship: Relationship, concept: DicomCode, value: DicomCode): Elements =>
  item(relationship, 'CODE', concept, { ConceptCodeSequence: [codeItem(value)] });

/** A number, as text of at most 16 characters and, with full precision, as floating point. */
export const measured = (concept: DicomCode, value: number, unit: DicomCode): Elements =>
  item('CONTAINS', 'NUM', concept, {
    MeasuredValueSequence: [
      {
        NumericValue: decimalText(value),
        FloatingPointValue: value,
        MeasurementUnitsCodeSequence: [codeItem(unit)],
      },
    ],
  });

/** @param reference - Result of `referenceTo`. */
export const image = (concept: DicomCode | undefined, reference: Elements): Elements => ({
  RelationshipType: 'CONTAINS',
  ValueType: 'IMAGE',
  ConceptNameCodeSequence: concept && [codeItem(concept)],
  ReferencedSOPSequence: [reference],
});

/** A number with as many digits as fit in a DS. */
function decimalText(value: number): string {
  let digits = 15;
  while (String(Number(value.toPrecision(digits))).length > 16) digits--;
  return String(Number(value.toPrecision(digits)));
}
