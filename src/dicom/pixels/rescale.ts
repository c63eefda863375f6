import { DataError, type DataLocation } from '../../base/errors';
import type { DicomDataSet } from '../data_set';
import type { ElementSet } from '../element_set';
import { ENHANCED_CLASSES, GROUPS, type FrameElements } from '../frame_elements';
import type { ReportProblem } from '../problems';
import { MODALITY_LUT } from './modality_lut';

/** How stored values become Hounsfield units. */
export interface Rescale {
  /** RescaleSlope, 1 where it is missing. */
  rescaleSlope: number;
  /** RescaleIntercept, 0 where it is missing. */
  rescaleIntercept: number;
  /** Whether a table (ModalityLUTSequence) is applied in place of slope and intercept. */
  table?: boolean;
}

/** Highest |HU| that a plausible rescale gives; metal on an extended scale stays below 31000. */
const MAX_PLAUSIBLE_HU = 1e5;

/** Unsigned pixels need an intercept at most this high to hold air, which is -1000 HU. */
export const HIGHEST_PLAUSIBLE_INTERCEPT = -100;

/** Names of Hounsfield units; where none is given the standard says that they are. */
const HOUNSFIELD = /^(HU|HOUNSFIELD.*)$/i;

/** The standard's name for units that are not specified. */
const UNSPECIFIED = 'US';

/**
 * Reads what becomes of the stored values of a gray image, and checks that it gives Hounsfield units.
 *
 * @throws DataError for a rescale that is no number, or is given twice with different values.
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
    report('modality-lut', 'values come from the table of ModalityLUTSequence, not from a rescale');
    return { rescaleSlope: 1, rescaleIntercept: 0, table: true };
  }
  const group = frame.group(GROUPS.values);
  const from: ElementSet = group ?? dataSet;
  const sopClass = dataSet.text('x00080016');
  if (group !== undefined && sopClass !== undefined && !ENHANCED_CLASSES.includes(sopClass)) {
    report(
      'missing-rescale',
      'the rescale is missing where a plain CT file has it; that of its functional groups is taken',
    );
  }
  checkUnit(from.text('x00281054'), 'RescaleType', report);
  if (frame.isEnhanced && group === undefined && dataSet.text('x00281052') === undefined) {
    report(
      'not-hu',
      'an enhanced image needs PixelValueTransformationSequence for Hounsfield units: it has none',
    );
    return { rescaleSlope: 1, rescaleIntercept: 0 };
  }

  const read = (tag: string, name: string, missing: number): number => {
    const values = from.decimals(tag);
    if (values?.length === 0) {
      report('missing-rescale', `${name} is missing, ${missing} is taken`);
      return missing;
    }
    if (values === undefined || values.some((value) => value !== values[0])) {
      throw new DataError(`${name} is ${JSON.stringify(from.text(tag))}, expected one number`, where);
    }
    const above = group === undefined ? [] : dataSet.decimals(tag);
    if (above?.some((value) => value !== values[0])) {
      throw new DataError(
        `${name} is ${values[0]} in a functional group and ${above.join('\\')} beside it`,
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
    throw new DataError(`the rescale ${text} goes beyond the numbers of float32`, where);
  }
  if (rescaleSlope < 0 || ends.some((hu) => Math.abs(hu) > MAX_PLAUSIBLE_HU)) {
    report(
      'implausible-rescale',
      `the rescale ${text} is no usual one for Hounsfield units, it is applied as it is`,
    );
  } else if (!signed && rescaleIntercept > HIGHEST_PLAUSIBLE_INTERCEPT) {
    report(
      'implausible-rescale',
      `unsigned pixels with intercept ${rescaleIntercept} cannot hold air (-1000 HU), ` +
        'perhaps they are signed values or lack an offset',
    );
  }
  return { rescaleSlope, rescaleIntercept };
}

function checkUnit(unit: string | undefined, name: string, report: ReportProblem): void {
  if (unit === undefined || HOUNSFIELD.test(unit)) return;
  if (unit.toUpperCase() === UNSPECIFIED) {
    report('unknown-unit', `${name} is US (unspecified); values are taken to be Hounsfield units`);
  } else {
    report(
      'not-hu',
      `${name} is ${JSON.stringify(unit.slice(0, 64))}, expected HU: values are no Hounsfield units`,
    );
  }
}
