import type { DicomCode } from './codes';
import type { Elements } from './write_object';

/** How an item belongs to the one above it (PS3.3, C.17.3.2.4). */
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

/** A heading with the items below it. */
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

/** A number; its text may have 16 characters, beside which stands all of it. */
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

/** @param reference - As `referenceTo` gives it. */
export const image = (concept: DicomCode | undefined, reference: Elements): Elements => ({
  RelationshipType: 'CONTAINS',
  ValueType: 'IMAGE',
  ConceptNameCodeSequence: concept && [codeItem(concept)],
  ReferencedSOPSequence: [reference],
});

/** As many digits as fit into a DS. */
function decimalText(value: number): string {
  let digits = 15;
  while (String(Number(value.toPrecision(digits))).length > 16) digits--;
  return String(Number(value.toPrecision(digits)));
}
