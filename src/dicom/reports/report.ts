import { check } from '../../base/checks';
import { isNumberIn, optional, resolveOptions, rule, type Rules } from '../../base/options';
import type { Labels } from '../../base/types';
import { CODES, dcm, labelCodes, OWN_SCHEME, PERCENT, sct, type DicomCode } from './codes';
import { coded, container, image, measured, text, uidReference } from './content_items';
import { derivedUid } from './derived_uid';
import { DATE, MODEL, NOT_FOR_CLINICAL_USE, resultElements, type ReportedModel } from './result_object';
import { nameOf, readSources, referenceTo, type SourceHeader, type SourceImage } from './source_image';
import { writeObject, type Elements } from './write_object';

/**
 * Options of {@link dicomReport}.
 *
 * @inline
 */
export interface DicomReportOptions {
  /** The model that made the findings. */
  model: ReportedModel;
  /** Label names, in the order of the columns of `probabilities`. */
  labels: Labels;
  /** Probabilities 0..1, one per label: a row for each image, or a single row for a patient-level model. */
  probabilities: readonly (readonly number[])[];
  /** Probability from which a label counts as present, one per label. */
  thresholds: readonly number[];
  /**
   * Codes of labels.
   * @defaultValue SNOMED CT's for `CT_LABELS` and `RSNA_LABELS`; other labels need one
   */
  codes?: Readonly<Record<string, DicomCode>>;
  /**
   * Date and time of creation.
   * @defaultValue now
   */
  date?: Date;
}

const isShare = (value: unknown) => isNumberIn(value, 0, 1);

const RULES = {
  model: MODEL,
  labels: rule<Labels>(
    'a list of at least one name, each once',
    (labels) => Array.isArray(labels) && labels.length > 0 && new Set(labels).size === labels.length,
  ),
  probabilities: rule<readonly (readonly number[])[]>(
    'rows of numbers in [0, 1]',
    (rows) => Array.isArray(rows) && rows.every((row) => Array.isArray(row) && row.every(isShare)),
  ),
  thresholds: rule<readonly number[]>(
    'a list of numbers in [0, 1], one per label',
    (values) => Array.isArray(values) && values.every(isShare),
  ),
  codes: optional(CODES, {}),
  date: DATE,
} satisfies Rules<DicomReportOptions>;

const COMPREHENSIVE_SR = '1.2.840.10008.5.1.4.1.1.88.33';

const PRESENCE = sct('705057003', 'Presence');
const PRESENT = sct('52101004', 'Present');
const ABSENT = sct('2667000', 'Absent');
const CERTAINTY = dcm('111012', 'Certainty of Finding');
const THRESHOLD: DicomCode = { value: 'THRESHOLD', scheme: OWN_SCHEME, meaning: 'Decision threshold' };

/**
 * A DICOM Structured Report of a model's findings in a stack, which a PACS can store with the study.
 *
 * It is a Comprehensive SR with the template of measurement reports (TID 1500), marked as for research only. Its device
 * observer is the model, with name and version. For each label it states whether the label is present in the whole
 * stack, with the highest probability and its image; then the same for each image at or above the label's threshold.
 * Findings are coded in SNOMED CT; a probability is the `Certainty of Finding` (111012, DCM) in percent, and the
 * threshold is given too.
 *
 * Patient and study are those of the images, in UTF-8 regardless of the character set of the images. The UIDs are
 * derived from study, images and model, so that the same stack and model always give the same UIDs, by which a server
 * recognises a report it already has. Needs the optional dependency dcmjs, which is loaded on demand.
 *
 * @param images - The stack, in the order of the rows.
 * @returns A DICOM file.
 * @throws DataError for an image without a required attribute, or of another study; ArgumentError for rows, thresholds
 * or codes that do not match; CtMultilabelError if dcmjs is not installed.
 * @example
 * ```ts
 * const report = await dicomReport([{ bytes, file: 'IM0001.dcm' }], {
 *   model: { name: 'head CT', version: '2024-05' },
 *   labels: ['ich', 'sdh'],
 *   probabilities: [[0.92, 0.04]],
 *   thresholds: [0.31, 0.28],
 * });
 * await writeFile('report.dcm', report);
 * ```
 */
export async function dicomReport(
  images: readonly SourceImage[],
  options: DicomReportOptions,
): Promise<Uint8Array> {
  const what = 'dicomReport';
  const { model, labels, probabilities, thresholds, codes, date } = resolveOptions(what, options, RULES);
  const concepts = labelCodes(what, labels, codes);
  check(
    thresholds.length === labels.length,
    `${what}: thresholds`,
    `one for each of ${labels.join(', ')}`,
    thresholds,
  );
  const sources = readSources(what, images);
  const ofSlices = probabilities.length === sources.length;
  const rule = `a row for each of ${sources.length} images, or one for the patient, of ${labels.length} numbers each`;
  const fits =
    (ofSlices || probabilities.length === 1) && probabilities.every((row) => row.length === labels.length);
  check(fits, `${what}: probabilities`, rule, probabilities);

  const { studyUid } = sources[0]!;
  const ids = [studyUid, model.name, model.version, ...sources.map(nameOf).sort()];
  const uid = (...names: string[]) => derivedUid('report', ...ids, ...names);
  const groups = await Promise.all(
    labels.flatMap((label, k) => {
      const column = probabilities.map((row) => row[k]!);
      const best = column.indexOf(Math.max(...column));
      const finding = { label, concept: concepts[k]!, threshold: thresholds[k]!, uid };
      const found = [...column.keys()].filter((i) => column[i]! >= thresholds[k]!);
      return [
        group({ ...finding, probability: column[best]!, source: ofSlices ? sources[best] : undefined }),
        ...(ofSlices ? found : []).map((i) =>
          group({ ...finding, probability: column[i]!, source: sources[i], slice: i + 1 }),
        ),
      ];
    }),
  );
  return writeObject({
    ...resultElements(sources[0]!, model, date),
    SOPClassUID: COMPREHENSIVE_SR,
    SOPInstanceUID: await uid('instance'),
    Modality: 'SR',
    SeriesInstanceUID: await uid('series'),
    SeriesNumber: '9000',
    SeriesDescription: 'AI findings, not for clinical use',
    InstanceNumber: '1',
    ReferencedPerformedProcedureStepSequence: [],
    PerformedProcedureCodeSequence: [],
    CurrentRequestedProcedureEvidenceSequence: [evidence(sources)],
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    CodingSchemeIdentificationSequence: [
      { CodingSchemeDesignator: OWN_SCHEME, CodingSchemeName: 'Concepts of ct-multilabel' },
    ],
    ...document([
      coded('HAS CONCEPT MOD', dcm('121049', 'Language of Content Item and Descendants'), {
        value: 'en',
        scheme: 'RFC5646',
        meaning: 'English',
      }),
      ...observer(model, await derivedUid('model', model.name, model.version)),
      coded(
        'HAS CONCEPT MOD',
        dcm('121058', 'Procedure reported'),
        sct('303653007', 'Computed tomography of head'),
      ),
      text('CONTAINS', dcm('121106', 'Comment'), NOT_FOR_CLINICAL_USE),
      imageLibrary(sources),
      container(dcm('126010', 'Imaging Measurements'), [...algorithm(model), ...groups]),
    ]),
  });
}

/** A finding in the stack or in one image. */
interface Finding {
  label: string;
  concept: DicomCode;
  probability: number;
  threshold: number;
  uid: (...names: string[]) => Promise<string>;
  /** The image with the probability, if known. */
  source: SourceHeader | undefined;
  /** Its number, from 1, for a finding in this image only. */
  slice?: number;
}

/** A finding with its measurements (TID 1501). */
async function group({ label, concept, uid, slice, source, ...numbers }: Finding): Promise<Elements> {
  const { probability, threshold } = numbers;
  const name = slice === undefined ? label : `${label}, slice ${slice}`;
  return container(
    dcm('125007', 'Measurement Group'),
    [
      text('HAS OBS CONTEXT', dcm('112039', 'Tracking Identifier'), name),
      uidReference(
        'HAS OBS CONTEXT',
        dcm('112040', 'Tracking Unique Identifier'),
        await uid('finding', name),
      ),
      coded('CONTAINS', dcm('121071', 'Finding'), concept),
      ...(source ? [image(dcm('121112', 'Source of Measurement'), referenceTo(source))] : []),
      measured(CERTAINTY, 100 * probability, PERCENT),
      measured(THRESHOLD, 100 * threshold, PERCENT),
      coded('CONTAINS', PRESENCE, probability >= threshold ? PRESENT : ABSENT),
    ],
    '1501',
  );
}

/** The root, a heading without a parent. */
function document(items: readonly Elements[]): Elements {
  const { RelationshipType: _, ...root } = container(
    dcm('126000', 'Imaging Measurement Report'),
    items,
    '1500',
  );
  return root;
}

/** The observer, a device (TID 1002, 1004). */
function observer({ name, version }: ReportedModel, uid: string): Elements[] {
  return [
    coded('HAS OBS CONTEXT', dcm('121005', 'Observer Type'), dcm('121007', 'Device')),
    uidReference('HAS OBS CONTEXT', dcm('121012', 'Device Observer UID'), uid),
    text('HAS OBS CONTEXT', dcm('121013', 'Device Observer Name'), `${name} ${version}`),
    text('HAS OBS CONTEXT', dcm('121014', 'Device Observer Manufacturer'), 'ct-multilabel'),
    text('HAS OBS CONTEXT', dcm('121015', 'Device Observer Model Name'), name),
  ];
}

/** Identification of the algorithm (TID 4019). */
const algorithm = ({ name, version }: ReportedModel): Elements[] => [
  text('HAS CONCEPT MOD', dcm('111001', 'Algorithm Name'), name),
  text('HAS CONCEPT MOD', dcm('111003', 'Algorithm Version'), version),
];

/** All evaluated images (TID 1600). */
function imageLibrary(sources: readonly SourceHeader[]): Elements {
  const modality = coded('HAS ACQ CONTEXT', dcm('121139', 'Modality'), dcm('CT', 'Computed Tomography'));
  const entries = sources.map((source) => image(undefined, referenceTo(source)));
  return container(dcm('111028', 'Image Library'), [
    container(dcm('126200', 'Image Library Group'), [modality, ...entries]),
  ]);
}

/** References to the images by series, each file once. */
function evidence(sources: readonly SourceHeader[]): Elements {
  const series = new Map<string, Map<string, Elements>>();
  for (const { seriesUid, sopClass, sopInstance } of sources) {
    const files = series.get(seriesUid) ?? new Map<string, Elements>();
    files.set(sopInstance, {
      ReferencedSOPClassUID: sopClass,
      ReferencedSOPInstanceUID: sopInstance,
    });
    series.set(seriesUid, files);
  }
  return {
    StudyInstanceUID: sources[0]!.studyUid,
    ReferencedSeriesSequence: [...series].map(([seriesUid, files]) => ({
      SeriesInstanceUID: seriesUid,
      ReferencedSOPSequence: [...files.values()],
    })),
  };
}
