import { DataError, type DataLocation } from '../base/errors';
import { DicomDataSet } from './data_set';
import type { ElementSet } from './element_set';
import { framesOf, GROUPS, type FrameElements } from './frame_elements';
import { orientationOf, orthonormal, type SliceOrientation, type Vector3 } from './series/geometry';
import { checkPixelLength, isGray, readPixelFormat, type DicomPixelFormat } from './pixels/pixel_format';
import { problem, type DicomProblem, type ReportProblem } from './problems';

/**
 * The header of a CT slice. Identifiers are not validated, since in many data sets they are not UIDs; absent or empty
 * values are undefined.
 */
export interface DicomHeader {
  /** UID of the transfer syntax. */
  transferSyntax: string;
  studyUid?: string;
  /** `''` if missing. */
  seriesUid: string;
  sopInstanceUid?: string;
  patientId?: string;
  modality?: string;
  studyDescription?: string;
  seriesDescription?: string;
  /** Values of ImageType, e.g. `['ORIGINAL', 'PRIMARY', 'AXIAL']`. */
  imageType: readonly string[];
  seriesNumber?: number;
  acquisitionNumber?: number;
  /** Time of the frame, of the acquisition or of the content, whichever is present first. */
  acquisitionTime?: string;
  /** TemporalPositionIdentifier or, for an enhanced image, TemporalPositionIndex. */
  temporalPosition?: number;
  instanceNumber?: number;
  /** ImagePositionPatient: centre of the first pixel, in mm. */
  imagePosition?: Vector3;
  /** ImageOrientationPatient or, if missing, PatientOrientation as vectors. */
  imageOrientation?: SliceOrientation;
  /** In mm. */
  sliceLocation?: number;
  /** In mm. */
  sliceThickness?: number;
  /** Distance between rows and between columns, in mm. */
  pixelSpacing?: readonly [row: number, column: number];
  /** GantryDetectorTilt, in degrees. */
  gantryTilt?: number;
  /** WindowCenter in HU, one for each window that the file recommends. */
  windowCenter: readonly number[];
  /** WindowWidth in HU. */
  windowWidth: readonly number[];
  pixels: DicomPixelFormat;
  /** Unusual properties of the header. */
  problems: readonly DicomProblem[];
}

/**
 * A DICOM file without an image, e.g. a report or the index of a folder.
 *
 * @example
 * ```ts
 * try {
 *   parseDicomHeader(bytes);
 * } catch (error) {
 *   if (!(error instanceof NoImageError)) throw error; // reports among the images are ignored
 * }
 * ```
 */
export class NoImageError extends DataError {}

/** A parsed file, from which headers and pixels of its frames are read. */
export interface ParsedDicom {
  dataSet: DicomDataSet;
  /**
   * The header of a frame, counted from 0.
   *
   * @throws DataError for a header by which the pixels cannot be read.
   */
  header(frame: number, where: DataLocation): DicomHeader;
}

/**
 * Reads the header of a DICOM file from its bytes, or from its beginning up to the pixels. For a multi-frame file it is
 * that of the first frame.
 *
 * Unusual properties, including errors, are listed in `problems`, and do not stop the reading of a header.
 *
 * @param bytes - The file or its beginning.
 * @param where - Source of the bytes, for error messages.
 * @throws DataError if they do not parse, contain no image, or end before the pixels.
 * @example
 * ```ts
 * const { pixels } = parseDicomHeader(await readFile('scan/01.dcm'), { file: 'scan/01.dcm' });
 * console.log(pixels.rows, pixels.columns);
 * ```
 */
export function parseDicomHeader(bytes: Uint8Array, where: DataLocation = {}): DicomHeader {
  return parseDicom(bytes, where).header(0, where);
}

/**
 * {@link parseDicomHeader} for any frame, with the elements.
 *
 * @param fileBytes - Size of the file, if `bytes` may be only its beginning: a header that needs more pixels is
 * refused.
 */
export function parseDicom(bytes: Uint8Array, where: DataLocation, fileBytes?: number): ParsedDicom {
  const dataSet = DicomDataSet.parse(bytes, where);
  if (dataSet.pixelData === undefined && !saysImage(dataSet)) {
    throw new NoImageError('the file contains no image: it has neither Rows nor PixelData', where);
  }
  const elementsOf = framesOf(dataSet);
  return {
    dataSet,
    header: (frame, ofFrame) => {
      const header = readHeader(dataSet, elementsOf(frame), ofFrame);
      // colour images are identified by their header and never decoded
      if (isGray(header.pixels)) checkPixelLength(dataSet, header.pixels, ofFrame, fileBytes);
      return header;
    },
  };
}

function readHeader(dataSet: DicomDataSet, frame: FrameElements, where: DataLocation): DicomHeader {
  const problems: DicomProblem[] = [];
  const report: ReportProblem = (kind, message) =>
    problems.push(problem(kind, message, { file: where.file }));
  if (dataSet.isMislabelled) {
    const { explicit, littleEndian } = dataSet.layout;
    const found = `${explicit ? 'explicit' : 'implicit'} ${littleEndian ? 'little' : 'big'} endian`;
    report('syntax-mismatch', `the transfer syntax is ${dataSet.syntax.name}, but the elements are ${found}`);
  }
  const pixels = readPixelFormat(dataSet, frame, where, report);
  const measures = frame.group(GROUPS.measures) ?? dataSet;
  const windows = frame.group(GROUPS.windows) ?? dataSet;
  const content = frame.group(GROUPS.content);

  /** Exactly `count` numbers, or any number of them for 0; an invalid value is reported. */
  const numbers = (
    tag: string,
    name: string,
    count: number,
    from: ElementSet = dataSet,
  ): number[] | undefined => {
    const values = from.decimals(tag);
    if (values?.length === 0) return undefined;
    if (values !== undefined && (count === 0 || values.length === count)) return values;
    report('unreadable-value', `${name} is ${JSON.stringify(from.text(tag))} and is ignored`);
    return undefined;
  };
  const number = (tag: string, name: string, from?: ElementSet) => numbers(tag, name, 0, from)?.[0];

  const seriesUid = dataSet.text('x0020000e');
  if (seriesUid === undefined) {
    report(
      'missing-value',
      'SeriesInstanceUID is missing: series are distinguished by study, number and folder',
    );
  }
  const modality = dataSet.text('x00080060');
  if (modality === undefined) {
    report('missing-value', 'Modality is missing, CT is assumed');
  } else if (modality !== 'CT') {
    report('not-ct', `Modality is ${modality}, expected CT: values are not Hounsfield units`);
  }
  reportIdentity(dataSet, report);
  const spacing = numbers('x00280030', 'PixelSpacing', 2, measures) as [number, number] | undefined;
  const pixelSpacing = spacing?.every((mm) => mm > 0) ? spacing : undefined;
  if (spacing !== pixelSpacing)
    report('unreadable-value', `PixelSpacing ${spacing?.join('\\')} is not positive`);
  const orientation = numbers('x00200037', 'ImageOrientationPatient', 6, frame.group(GROUPS.orientation));
  const position = numbers('x00200032', 'ImagePositionPatient', 3, frame.group(GROUPS.position));
  const frameType = frame.group(GROUPS.ctFrameType)?.texts('x00089007') ?? [];
  const header: DicomHeader = {
    transferSyntax: dataSet.syntax.uid,
    studyUid: dataSet.text('x0020000d'),
    seriesUid: seriesUid ?? '',
    sopInstanceUid: dataSet.text('x00080018'),
    patientId: dataSet.text('x00100020'),
    modality,
    studyDescription: dataSet.text('x00081030'),
    seriesDescription: dataSet.text('x0008103e'),
    imageType: frameType.length > 0 ? frameType : dataSet.texts('x00080008'),
    seriesNumber: number('x00200011', 'SeriesNumber'),
    acquisitionNumber: content?.integer('x00209156') ?? number('x00200012', 'AcquisitionNumber'),
    acquisitionTime: acquisitionTime(dataSet, content),
    temporalPosition: content?.long('x00209128') ?? number('x00200100', 'TemporalPositionIdentifier'),
    instanceNumber: number('x00200013', 'InstanceNumber'),
    imagePosition: position as Vector3 | undefined,
    imageOrientation: readOrientation(orientation, dataSet, report),
    sliceLocation: number('x00201041', 'SliceLocation'),
    sliceThickness: number('x00180050', 'SliceThickness', measures),
    pixelSpacing,
    gantryTilt: number('x00181120', 'GantryDetectorTilt'),
    windowCenter: numbers('x00281050', 'WindowCenter', 0, windows) ?? [],
    windowWidth: numbers('x00281051', 'WindowWidth', 0, windows) ?? [],
    pixels,
    problems,
  };
  for (const [message, kind] of dataSet.remarks) report(kind, message);
  return header;
}

/** Names that replace those of patients. */
const NO_NAME = /anonym|removed|de-?identified|pseudonym|^\W*$/i;

/** Reports that the file may identify the patient, which matters to those who pass it on. */
function reportIdentity(dataSet: DicomDataSet, report: ReportProblem): void {
  const name = dataSet.text('x00100010');
  const isOpen = name !== undefined && name !== dataSet.text('x00100020') && !NO_NAME.test(name);
  if (isOpen && dataSet.text('x00120062') !== 'YES') {
    report(
      'patient-named',
      'PatientName is present and PatientIdentityRemoved is not YES: the files may identify the patient',
    );
  }
  if (dataSet.text('x00280301') === 'YES') {
    report('burned-in-text', 'BurnedInAnnotation is YES: the pixels may identify the patient');
  }
}

/** Date and time as one text that sorts chronologically. */
function acquisitionTime(dataSet: DicomDataSet, content: ElementSet | undefined): string | undefined {
  const [date, time] = [dataSet.text('x00080022'), dataSet.text('x00080032')];
  return (
    content?.text('x00189074') ??
    content?.text('x00189151') ??
    dataSet.text('x0008002a') ??
    (time === undefined ? dataSet.text('x00080033') : `${date ?? ''}${time}`)
  );
}

function readOrientation(
  values: readonly number[] | undefined,
  dataSet: DicomDataSet,
  report: ReportProblem,
): SliceOrientation | undefined {
  if (values === undefined) {
    const letters = dataSet.texts('x00200020');
    const orientation = orientationOf(letters);
    if (orientation === undefined) return undefined;
    report(
      'missing-orientation',
      `ImageOrientationPatient is missing, PatientOrientation ${letters.join('\\')} is used`,
    );
    return orientation;
  }
  const orientation = orthonormal(values);
  if (orientation === undefined) {
    const text = values.join('\\');
    report('unreadable-value', `ImageOrientationPatient ${text} is not a pair of perpendicular unit vectors`);
  }
  return orientation;
}

/** Storage of CT images: plain, enhanced, and converted to enhanced. */
const CT_CLASSES = ['2', '2.1', '2.2'].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`);

/**
 * Whether a file without pixels should have them: a truncated image must not be mistaken for a report. Files other than
 * images have another SOP class.
 */
function saysImage(dataSet: DicomDataSet): boolean {
  const sopClass = dataSet.text('x00080016') ?? dataSet.mediaClass;
  const hasRows = dataSet.integer('x00280010') !== undefined;
  const hasImageType = dataSet.texts('x00080008').length > 0;
  return hasRows || hasImageType || sopClass === undefined || CT_CLASSES.includes(sopClass);
}
