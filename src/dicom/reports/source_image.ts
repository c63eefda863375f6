import { check, isRecord } from '../../base/checks';
import { hasControl } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import { DicomDataSet } from '../data_set';
import { DECIMAL } from '../element_set';
import type { Elements } from './write_object';

/**
 * A source image of a result.
 *
 * @inline
 */
export interface SourceImage {
  /** Its DICOM file, or the beginning of it up to the pixels. */
  bytes: Uint8Array;
  /**
   * Index of the frame in a multi-frame file, from 0.
   * @defaultValue the only one
   */
  frame?: number | undefined;
  /** Source of the bytes, for error messages. */
  file?: string | undefined;
}

/** Attributes of a source image that a result uses. */
export interface SourceHeader {
  where: DataLocation;
  studyUid: string;
  seriesUid: string;
  sopClass: string;
  sopInstance: string;
  /** Frame number from 1, for a multi-frame file. */
  frame: number | undefined;
  /** Attributes of patient and study, in Unicode. */
  patientAndStudy: Elements;
  /** Attributes of lossy compression, which derived images inherit. */
  lossy: Elements;
}

/** Digits and dots, as in the standard; leading zeros are accepted, since some scanners write them. */
const UID = /^(?=.{1,64}$)\d+(\.\d+)+$/;

/** A reference to an image, for sequences of references. */
export const referenceTo = ({ sopClass, sopInstance, frame }: SourceHeader): Elements => ({
  ReferencedSOPClassUID: sopClass,
  ReferencedSOPInstanceUID: sopInstance,
  ReferencedFrameNumber: frame,
});

/** Unique name of an image. */
export const nameOf = ({ sopInstance, frame }: SourceHeader): string =>
  frame === undefined ? sopInstance : `${sopInstance} ${frame}`;

/**
 * The headers of the images of a stack.
 *
 * @throws DataError naming the file and a missing attribute, or two files of different studies or patients or with the
 * same UID.
 */
export function readSources(what: string, images: readonly SourceImage[]): SourceHeader[] {
  check(Array.isArray(images) && images.length > 0, `${what}: images`, 'one or more images', images);
  const known = new Map<Uint8Array, DicomDataSet>();
  const headers = images.map((image, i) => {
    const one = `${what}: images[${i}]`;
    check(isRecord(image as unknown), one, 'an object with bytes', image);
    check(image.bytes instanceof Uint8Array, `${one}.bytes`, 'a Uint8Array', image.bytes);
    const { frame } = image;
    const isFrame = frame === undefined || (Number.isInteger(frame) && frame >= 0);
    check(isFrame, `${one}.frame`, 'an integer of at least 0', frame);
    const where = { file: image.file ?? `images[${i}]` };
    const dataSet = known.get(image.bytes) ?? DicomDataSet.parse(image.bytes, where);
    known.set(image.bytes, dataSet);
    return readSource(dataSet, frame, where);
  });
  const [first] = headers as [SourceHeader];
  for (const { studyUid, patientAndStudy, where } of headers) {
    const other = [studyUid, patientAndStudy['PatientID']];
    const expected = [first.studyUid, first.patientAndStudy['PatientID']];
    if (other.join() === expected.join()) continue;
    const message = `expected images of one study and patient, found another than in ${first.where.file}`;
    throw new DataError(message, where);
  }
  const places = new Map<string, DataLocation>();
  for (const header of headers) {
    const same = places.get(nameOf(header));
    // servers treat objects with the same UID as the same object
    if (same) throw new DataError(`SOPInstanceUID and frame are also those of ${same.file}`, header.where);
    places.set(nameOf(header), header.where);
  }
  return headers;
}

function readSource(dataSet: DicomDataSet, frame: number | undefined, where: DataLocation): SourceHeader {
  const frames = Number(dataSet.text('x00280008') ?? '1');
  if (frame === undefined ? frames > 1 : frame >= Math.max(frames, 1)) {
    throw new DataError(`the file has ${frames} frames, expected one of 0..${frames - 1} as frame`, where);
  }
  const uid = (tag: string, name: string): string => {
    const text = dataSet.text(tag);
    if (text === undefined) throw new DataError(`the file has no ${name}, which a result refers to`, where);
    if (!UID.test(text)) throw new DataError(`${name} is ${JSON.stringify(text)}, expected a UID`, where);
    return text;
  };
  return {
    where,
    studyUid: uid('x0020000d', 'StudyInstanceUID'),
    seriesUid: uid('x0020000e', 'SeriesInstanceUID'),
    sopClass: uid('x00080016', 'SOPClassUID'),
    sopInstance: uid('x00080018', 'SOPInstanceUID'),
    frame: frames > 1 && frame !== undefined ? frame + 1 : undefined,
    patientAndStudy: patientAndStudy(dataSet, where),
    lossy:
      dataSet.text('x00282110') === '01'
        ? {
            LossyImageCompression: '01',
            LossyImageCompressionRatio: filled(dataSet.texts('x00282112').filter(isDecimal)),
            LossyImageCompressionMethod: filled(dataSet.texts('x00282114')),
          }
        : {},
  };
}

/** Values that are invalid in their representation, or guessed, become empty, which these elements may be. */
function patientAndStudy(dataSet: DicomDataSet, where: DataLocation): Elements {
  const text = (tag: string, name: string, most: number): string => {
    const [value = ''] = dataSet.texts(tag);
    if (hasControl(value)) {
      const terms = dataSet.texts('x00080005').join('\\');
      throw new DataError(`${name} is not text in its SpecificCharacterSet ${JSON.stringify(terms)}`, where);
    }
    // a name that may be wrong identifies nobody, or somebody else
    return dataSet.isGuessed(tag) ? '' : [...value].slice(0, most).join('');
  };
  const matching = (tag: string, form: RegExp, ignored = /$/g): string => {
    const value = (dataSet.texts(tag)[0] ?? '').replace(ignored, '');
    return form.test(value) ? value : '';
  };
  const date = (tag: string) => matching(tag, /^\d{8}$/, /\./g);
  const time = (tag: string) => matching(tag, /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/, /:/g);
  const identityRemoved = dataSet.text('x00120062') === 'YES';
  return {
    PatientName: name(text('x00100010', 'PatientName', Infinity)),
    PatientID: text('x00100020', 'PatientID', 64),
    IssuerOfPatientID: text('x00100021', 'IssuerOfPatientID', 64) || undefined,
    PatientBirthDate: date('x00100030'),
    PatientSex: matching('x00100040', /^[MFO]$/),
    PatientAge: matching('x00101010', /^\d{3}[DWMY]$/) || undefined,
    ...(identityRemoved && {
      PatientIdentityRemoved: 'YES',
      DeidentificationMethod:
        text('x00120063', 'DeidentificationMethod', 64) || 'not stated in the source images',
    }),
    StudyInstanceUID: dataSet.text('x0020000d'),
    StudyDate: date('x00080020'),
    StudyTime: time('x00080030'),
    ReferringPhysicianName: name(text('x00080090', 'ReferringPhysicianName', Infinity)),
    StudyID: text('x00200010', 'StudyID', 16),
    AccessionNumber: text('x00080050', 'AccessionNumber', 16),
    StudyDescription: text('x00081030', 'StudyDescription', 64) || undefined,
  };
}

/** Limits each of a name's forms (alphabetic, ideographic, phonetic) to 64 characters. */
const name = (text: string): string =>
  text
    .split('=')
    .slice(0, 3)
    .map((form) => [...form].slice(0, 64).join(''))
    .join('=');

const isDecimal = (text: string) => DECIMAL.test(text) && text.length <= 16;

const filled = <T>(values: readonly T[]): readonly T[] | undefined =>
  values.length > 0 ? values : undefined;
