import { open } from 'node:fs/promises';
import path from 'node:path';
import { MISSING_LABELS, type MissingLabels } from '../../data/tables/label_columns';
import type { CtLabels } from '../../data/labels/labels';
import { checkKnownKeys, checkOneOf, DataError } from '../../base/errors';
import type { Labels } from '../../base/types';
import { checkDir, inside, listFolder, openRoot, type Root } from './data_root';
import { looksLikeDicom } from '../../dicom/data_set';
import { dicomFolder, type DicomFolder, type DicomFolderOptions } from './dicom_folder';
import { imageKind } from '../files/image_file';
import { kaggleFolder, patientFolder, type KaggleFolder } from './kaggle_folder';
import { SLICE_FILE_OPTIONS, type SliceFileOptions } from './slice_file_source';
import type { SliceFormat } from '../preparation/slice_preparation';

/**
 * How a data folder is laid out: `'challenge'` is `openKaggleFolder`'s (images in a folder a patient), `'patient'`
 * `openPatientFolder`'s (one patient's images), `'dicom'` `openDicomFolder`'s.
 *
 * @inline
 */
export type StudyLayout = 'challenge' | 'patient' | 'dicom';

/**
 * What {@link detectStudy} finds.
 *
 * @inline
 */
export interface DetectedStudy {
  layout: StudyLayout;
  /** What the files hold: `'dicom'` needs a preprocessing with windows. */
  format: SliceFormat;
}

/**
 * Options of {@link openStudy}.
 *
 * @inline
 */
export interface StudyOptions<L extends Labels = Labels> extends SliceFileOptions {
  /**
   * Labels, in the order they come out.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /**
   * Whether labels must be there.
   * @defaultValue true
   */
  requireLabels?: boolean;
  /**
   * What becomes of labels that the table does not have.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * Name of the folder of patients inside a `'challenge'` folder; no other layout has it.
   * @defaultValue see `openKaggleFolder`
   */
  images?: string;
  /** Kinds of error that do not stop a `'dicom'` folder, see `openDicomFolder`. */
  allow?: DicomFolderOptions['allow'];
}

/** Entries of a folder that are looked at for a first slice. */
const MOST_ENTRIES = 20_000;

const PICTURE_NAME = /\.(jpe?g|png)$/i;

/**
 * Tells how a data folder is laid out, by the first slice in it: its content, not its name. A folder with DICOM in it is
 * one of DICOM, whatever pictures lie beside it: discs bring a viewer and its logo.
 *
 * @throws DataError when there is no JPEG, PNG or DICOM file among the first 20,000 entries.
 * @example
 * ```ts
 * const { format } = await detectStudy('data');
 * const preprocessing = createPreprocessing(format === 'dicom' ? { windows: ['brainWide'] } : {});
 * ```
 */
export async function detectStudy(dir: string): Promise<DetectedStudy> {
  checkDir('detectStudy', dir);
  return detect(await openRoot(dir));
}

async function detect(root: Root): Promise<DetectedStudy> {
  let folders = ['.'];
  let seen = 0;
  let pictures: StudyLayout | undefined;
  // level by level: what lies higher tells more about the layout
  while (folders.length > 0 && seen < MOST_ENTRIES) {
    const below: string[] = [];
    for (const folder of folders) {
      const file = path.join(root.name, folder);
      for (const [name, entry] of await listFolder(root, folder, { file })) {
        if (++seen > MOST_ENTRIES) break;
        const place = path.join(folder, name);
        if (entry.isDirectory()) below.push(place);
        // once there is a picture only DICOM is of interest, and no DICOM has a picture's name
        if (!entry.isFile() || (pictures && PICTURE_NAME.test(name))) continue;
        const format = await formatOf(root, place);
        if (format === 'dicom') return { layout: 'dicom', format };
        if (format === 'image') pictures ??= folder === '.' ? 'patient' : 'challenge';
      }
    }
    folders = below;
  }
  if (pictures) return { layout: pictures, format: 'image' };
  throw new DataError('there is no JPEG, PNG or DICOM file', { file: root.name });
}

/**
 * Opens a data folder of any layout that {@link detectStudy} knows.
 *
 * @throws DataError as the function for the layout does, or where labels are required of one patient's folder of images.
 * @example
 * ```ts
 * const study = await openStudy('data', { preprocessing, requireLabels: false });
 * ```
 */
export async function openStudy<const L extends Labels = CtLabels>(
  dir: string,
  options: StudyOptions<L>,
): Promise<KaggleFolder<L> | DicomFolder<L>> {
  const known = [...SLICE_FILE_OPTIONS, 'labels', 'requireLabels', 'missingLabels', 'images', 'allow'];
  checkKnownKeys(options ?? {}, known, 'openStudy');
  const { images, allow, ...rest } = options ?? {};
  const { requireLabels = true, missingLabels, ...files } = rest;
  if (missingLabels !== undefined) checkOneOf(missingLabels, MISSING_LABELS, 'openStudy: missingLabels');
  checkDir('openStudy', dir);
  const root = await openRoot(dir);
  // the root keeps what the detection has listed
  const { layout } = images === undefined ? await detect(root) : { layout: 'challenge' };
  if (layout === 'dicom') return dicomFolder(root, { ...rest, ...(allow && { allow }) });
  if (layout === 'challenge') return kaggleFolder(root, { ...rest, ...(images !== undefined && { images }) });
  if (requireLabels) {
    throw new DataError("expected a study with labels, found one patient's images", { file: dir });
  }
  return patientFolder(root, files);
}

/** What a file holds, by its first bytes; undefined for anything else. */
async function formatOf(root: Root, place: string): Promise<SliceFormat | undefined> {
  const real = await inside(root, place, { file: path.join(root.name, place) });
  if (real === undefined) return undefined;
  const handle = await open(real);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(132), 0, 132, 0);
    const start = buffer.subarray(0, bytesRead);
    if (imageKind(start) !== undefined) return 'image';
    return looksLikeDicom(start) ? 'dicom' : undefined;
  } finally {
    await handle.close();
  }
}
