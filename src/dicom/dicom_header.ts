import { DataError, type DataLocation } from '../base/errors';
import { DicomDataSet } from './data_set';
import { orthonormal, type SliceOrientation, type Vector3 } from './series/geometry';
import { checkPixelLength, isGray, readPixelFormat, type DicomPixelFormat } from './pixels/pixel_format';
import type { DicomProblem, ReportProblem } from './problems';

/**
 * What the header of a CT slice says. Identifiers are taken as they are, since many data sets hold ones that are no
 * UIDs; what is absent or empty is undefined.
 */
export interface DicomHeader {
  /** UID of the transfer syntax. */
  transferSyntax: string;
  studyUid?: string;
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
  instanceNumber?: number;
  /** ImagePositionPatient: centre of the first pixel, in mm. */
  imagePosition?: Vector3;
  /** ImageOrientationPatient. */
  imageOrientation?: SliceOrientation;
  /** In mm. */
  sliceLocation?: number;
  /** In mm. */
  sliceThickness?: number;
  /** Distance between rows and between columns, in mm. */
  pixelSpacing?: readonly [row: number, column: number];
  /** GantryDetectorTilt, in degrees. */
  gantryTilt?: number;
  /** WindowCenter in HU, one for each window the file recommends. */
  windowCenter: readonly number[];
  /** WindowWidth in HU. */
  windowWidth: readonly number[];
  pixels: DicomPixelFormat;
  /** What is unusual about the header. */
  problems: readonly DicomProblem[];
}

/**
 * A DICOM file that holds no image, e.g. a report or a folder's index.
 *
 * @example
 * ```ts
 * try {
 *   parseDicomHeader(bytes);
 * } catch (error) {
 *   if (!(error instanceof NoImageError)) throw error; // a report among the images is no harm
 * }
 * ```
 */
export class NoImageError extends DataError {}

/** A parsed file: its header, and what its pixels are read from. */
export interface ParsedDicom {
  header: DicomHeader;
  dataSet: DicomDataSet;
}

/**
 * Reads the header of a DICOM file from its bytes, or from as many of them as reach up to the pixels.
 *
 * @param bytes - The file or its beginning.
 * @param where - Where the bytes are from, for error messages.
 * @throws DataError when they do not parse, hold no image, or end before the pixels begin.
 * @example
 * ```ts
 * const { pixels } = parseDicomHeader(await readFile('scan/01.dcm'), { file: 'scan/01.dcm' });
 * console.log(pixels.rows, pixels.columns);
 * ```
 */
export function parseDicomHeader(bytes: Uint8Array, where: DataLocation = {}): DicomHeader {
  return parseDicom(bytes, where).header;
}

/**
 * {@link parseDicomHeader}, with the elements themselves.
 *
 * @param fileBytes - Size of the file, if `bytes` may be its beginning: a header that promises more pixels is refused.
 */
export function parseDicom(bytes: Uint8Array, where: DataLocation, fileBytes?: number): ParsedDicom {
  const dataSet = DicomDataSet.parse(bytes, where);
  const problems: DicomProblem[] = [];
  const report: ReportProblem = (kind, message) => problems.push({ kind, message, file: where.file });
  if (dataSet.pixelData === undefined && !saysImage(dataSet)) {
    throw new NoImageError('the file holds no image: it has neither Rows nor PixelData', where);
  }
  const pixels = readPixelFormat(dataSet, where, report);
  // colour images are told apart by their header, and never decoded
  if (isGray(pixels)) checkPixelLength(dataSet, pixels, where, fileBytes);

  /** Numbers of which there must be `count`, or any number for 0; what cannot be used is reported. */
  const numbers = (tag: string, name: string, count: number): number[] | undefined => {
    const values = dataSet.decimals(tag);
    if (values?.length === 0) return undefined;
    if (values !== undefined && (count === 0 || values.length === count)) return values;
    report('unreadable-value', `${name} is ${JSON.stringify(dataSet.text(tag))}, left out of account`);
    return undefined;
  };
  const number = (tag: string, name: string) => numbers(tag, name, 0)?.[0];

  const seriesUid = dataSet.text('x0020000e');
  if (seriesUid === undefined) throw new DataError('the file has no SeriesInstanceUID', where);
  const modality = dataSet.text('x00080060');
  if (modality !== 'CT') {
    report('not-ct', `the modality is ${modality ?? 'absent'}: values need not be Hounsfield units`);
  }
  const orientation = numbers('x00200037', 'ImageOrientationPatient', 6);
  const imageOrientation = orientation && orthonormal(orientation);
  if (orientation !== undefined && imageOrientation === undefined) {
    const text = orientation.join('\\');
    report('unreadable-value', `ImageOrientationPatient ${text} is no pair of perpendicular unit vectors`);
  }
  const spacing = numbers('x00280030', 'PixelSpacing', 2) as [number, number] | undefined;
  const pixelSpacing = spacing?.every((mm) => mm > 0) ? spacing : undefined;
  if (spacing !== pixelSpacing)
    report('unreadable-value', `PixelSpacing ${spacing?.join('\\')} is not positive`);
  const header: DicomHeader = {
    transferSyntax: dataSet.syntax.uid,
    studyUid: dataSet.text('x0020000d'),
    seriesUid,
    sopInstanceUid: dataSet.text('x00080018'),
    patientId: dataSet.text('x00100020'),
    modality,
    studyDescription: dataSet.text('x00081030'),
    seriesDescription: dataSet.text('x0008103e'),
    imageType: dataSet.texts('x00080008'),
    seriesNumber: number('x00200011', 'SeriesNumber'),
    acquisitionNumber: number('x00200012', 'AcquisitionNumber'),
    instanceNumber: number('x00200013', 'InstanceNumber'),
    imagePosition: numbers('x00200032', 'ImagePositionPatient', 3) as Vector3 | undefined,
    imageOrientation,
    sliceLocation: number('x00201041', 'SliceLocation'),
    sliceThickness: number('x00180050', 'SliceThickness'),
    pixelSpacing,
    gantryTilt: number('x00181120', 'GantryDetectorTilt'),
    windowCenter: numbers('x00281050', 'WindowCenter', 0) ?? [],
    windowWidth: numbers('x00281051', 'WindowWidth', 0) ?? [],
    pixels,
    problems,
  };
  return { header, dataSet };
}

/** Storage of CT images: plain, enhanced, and converted to enhanced. */
const CT_CLASSES = ['2', '2.1', '2.2'].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`);

/**
 * Whether a file without pixels should have them: one that is cut short must not pass for a report. Files that are no
 * images say by their class what else they are.
 */
function saysImage(dataSet: DicomDataSet): boolean {
  const sopClass = dataSet.text('x00080016') ?? dataSet.text('x00020002');
  const hasRows = dataSet.integer('x00280010') !== undefined;
  const hasImageType = dataSet.texts('x00080008').length > 0;
  return hasRows || hasImageType || sopClass === undefined || CT_CLASSES.includes(sopClass);
}
