import type { DicomHeader } from '../dicom_header';
import type { Vector3 } from './geometry';
import { isGray } from '../pixels/pixel_format';
import type { DicomSlice } from './stack_order';

/**
 * The kind of a series: `'axial'` slices as reconstructed, `'localizer'` (also called scout or topogram), `'derived'`
 * for reformatted and colour images and screenshots, `'other'` for slices of another direction, modality or unit.
 *
 * @inline
 */
export type DicomSeriesKind = 'axial' | 'localizer' | 'derived' | 'other';

/** Every {@link DicomSeriesKind}. */
export const SERIES_KINDS: readonly DicomSeriesKind[] = ['axial', 'localizer', 'derived', 'other'];

/** Whether ImageType states a localizer. */
export const isLocalizer = ({ imageType }: DicomHeader) =>
  imageType.some((value) => ['LOCALIZER', 'SCOUT'].includes(value.toUpperCase()));

/** Whether the image was computed from others, or is not a gray image. */
export const isDerived = ({ imageType, pixels }: DicomHeader) =>
  imageType[0]?.toUpperCase() === 'DERIVED' || imageType[1]?.toUpperCase() === 'SECONDARY' || !isGray(pixels);

/** Whether nothing in the header contradicts Hounsfield units. */
export const isHounsfield = ({ problems }: DicomHeader) =>
  !problems.some(({ kind }) => kind === 'not-hu' || kind === 'not-ct');

/** The kind of a stack whose images are ordered along `direction`. */
export function kindOf(slices: readonly DicomSlice[], direction: Vector3): DicomSeriesKind {
  const { header } = slices[0]!;
  if (isLocalizer(header)) return 'localizer';
  if (isDerived(header)) return 'derived';
  if (!isHounsfield(header)) return 'other';
  const upright = direction[2] < Math.SQRT1_2;
  if (!upright) return 'axial';
  return slices.length === 1 ? 'localizer' : 'other'; // scanners do not reconstruct single upright slices
}
