import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';
import type { ElementSet } from '../element_set';
import { ENHANCED_CLASSES, GROUPS, type FrameElements } from '../frame_elements';
import type { ReportProblem } from '../problems';
import { MODALITY_LUT } from './modality_lut';

/** Conversion of stored values to Hounsfield units. */
export interface Rescale {
  /** RescaleSlope, 1 if missing. */
  rescaleSlope: number;
  /** RescaleIntercept, 0 if missing. */
  rescaleIntercept: number;
  /** Whether a table (ModalityLUTSequence) is applied instead of slope and intercept. */
  table?: boolean;
}

/** Highest |HU| of a plausible rescale; metal on an extended scale stays below 31000. */
const MAX_PLAUSIBLE_HU = 1e5;

/** Highest intercept with which unsigned pixels can plausibly represent air, -1000 HU. */
export const HIGHEST_PLAUSIBLE_INTERCEPT = -100;

/** Names of Hounsfield units, which are also the standard's default. */
const HOUNSFIELD = /^(HU|HOUNSFIELD.*)$/i;

/** The standard's name for unspecified units. */
const UNSPECIFIED = 'US';

/**
 * Reads the rescale of a gray image, and checks that it gives Hounsfield units.
 *
 * @throws DataError for a rescale that is not a number, or is given twice with different values.
 */
export function readRescale(
  dataSet: DicomDataSet,
  frame: FrameElements,
  { bitsStored, signed }: { bitsStored: number; signed: boolean },
  where: DataLocation,
  report: ReportProblem,
): Rescale {
  const lut = dataSet.items(MODALITY_LUT)[0];
  if (lut !== undefined) {
    checkUnit(lut.text('x00283004'), 'ModalityLUTType', report);
    report('modality-lut', 'values are mapped by the table of ModalityLUTSequence, not by a rescale');
    return { rescaleSlope: 1, rescaleIntercept: 0, table: true };
  }
  const group = frame.group(GROUPS.values);
  const from: ElementSet = group ?? dataSet;
  const sopClass = dataSet.text('x00080016');
  if (group !== undefined && sopClass !== undefined && !ENHANCED_CLASSES.includes(sopClass)) {
    report(
      'missing-rescale',
      'the rescale is missing at the top level of a plain CT file; that of its functional groups is used',
    );
  }
  checkUnit(from.text('x00281054'), 'RescaleType', report);
  if (frame.isEnhanced && group === undefined && dataSet.text('x00281052') === undefined) {
    report(
      'not-hu',
      'the enhanced image has no PixelValueTransformationSequence, which Hounsfield units need',
    );
    return { rescaleSlope: 1, rescaleIntercept: 0 };
  }

  const read = (tag: string, name: string, missing: number): number => {
    const values = from.decimals(tag);
    if (values?.length === 0) {
      report('missing-rescale', `${name} is missing, ${missing} is assumed`);
      return missing;
    }
    if (values === undefined || values.some((value) => value !== values[0])) {
      throw new DataError(`${name} is ${JSON.stringify(from.text(tag))}, expected one number`, where);
    }
    const above = group === undefined ? [] : dataSet.decimals(tag);
    if (above?.some((value) => value !== values[0])) {
      throw new DataError(
        `${name} is ${values[0]} in a functional group, but ${above.join('\\')} at the top level`,
        where,
      );
    }
    return values[0]!;
  };
  const rescaleSlope = read('x00281053', 'RescaleSlope', 1);
  const rescaleIntercept = read('x00281052', 'RescaleIntercept', 0);
  if (rescaleSlope === 0) throw new DataError('RescaleSlope is 0, which makes all pixels equal', where);

  const span = 2 ** bitsStored;
  const [lowest, highest] = signed ? [-span / 2, span / 2 - 1] : [0, span - 1];
  const ends = [lowest, highest].map((stored) => stored * rescaleSlope + rescaleIntercept);
  const text = `slope ${rescaleSlope} and intercept ${rescaleIntercept}`;
  if (!ends.every((hu) => Number.isFinite(Math.fround(hu)))) {
    throw new DataError(`the rescale ${text} exceeds the range of float32`, where);
  }
  if (rescaleSlope < 0 || ends.some((hu) => Math.abs(hu) > MAX_PLAUSIBLE_HU)) {
    report('implausible-rescale', `the rescale ${text} is unusual for Hounsfield units, but is applied`);
  } else if (!signed && rescaleIntercept > HIGHEST_PLAUSIBLE_INTERCEPT) {
    report(
      'implausible-rescale',
      `unsigned pixels with intercept ${rescaleIntercept} cannot represent air (-1000 HU); ` +
        'they may be signed values or lack an offset',
    );
  }
  return { rescaleSlope, rescaleIntercept };
}

function checkUnit(unit: string | undefined, name: string, report: ReportProblem): void {
  if (unit === undefined || HOUNSFIELD.test(unit)) return;
  if (unit.toUpperCase() === UNSPECIFIED) {
    report('unknown-unit', `${name} is US (unspecified); values are assumed to be Hounsfield units`);
  } else {
    report(
      'not-hu',
      `${name} is ${JSON.stringify(unit.slice(0, 64))}, expected HU: values are not Hounsfield units`,
    );
  }
}
