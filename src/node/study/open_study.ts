import type { Dirent } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { CtLabels } from '../../data/labels/labels';
import { DataError } from '../../base/errors';
import { optional, resolveOptions, type Rules } from '../../base/options';
import { READ_RULES } from '../../dicom/pixels/decode_slice';
import type { Labels } from '../../base/types';
import { checkDir, inside, listFolder, openRoot, targetOf, type Root } from './data_root';
import { looksLikeDicom } from '../../dicom/data_set';
import { dicomFolder, type DicomFolder, type DicomFolderOptions } from './dicom_folder';
import { imageKind } from '../files/image_file';
import { kaggleFolder, patientFolder, type KaggleFolder } from './kaggle_folder';
import { SLICE_FILE_RULES, type SliceFileOptions } from './slice_preparer';
import { INSIDE, STUDY_TABLE_RULES, type StudyTableOptions } from './study_table';
import type { SliceFormat } from '../preparation/slice_preparation';

/**
 * How a data folder is laid out: `'challenge'` is `openKaggleFolder`'s (images in a folder per patient), `'patient'`
 * `openPatientFolder`'s (one patient's images), `'dicom'` `openDicomFolder`'s.
 *
 * @inline
 */
export type StudyLayout = 'challenge' | 'patient' | 'dicom';

/**
 * Result of {@link detectStudy}.
 *
 * @inline
 */
export interface DetectedStudy {
  layout: StudyLayout;
  /** Format of the files: `'dicom'` needs a preprocessing with windows. */
  format: SliceFormat;
}

/**
 * Options of {@link openStudy}.
 *
 * @inline
 */
export interface StudyOptions<L extends Labels = Labels> extends SliceFileOptions, StudyTableOptions<L> {
  /**
   * Name of the folder of patients inside a `'challenge'` folder; no other layout has it.
   * @defaultValue see `openKaggleFolder`
   */
  images?: string;
  /** Kinds of error to accept in a `'dicom'` folder, see `openDicomFolder`. */
  allow?: DicomFolderOptions['allow'];
}

const RULES = {
  ...SLICE_FILE_RULES,
  ...STUDY_TABLE_RULES,
  images: optional(INSIDE),
  allow: READ_RULES.allow,
} satisfies Rules<StudyOptions>;

/** Entries of a folder that are looked at for a first slice. */
const MOST_ENTRIES = 20_000;

const PICTURE_NAME = /\.(jpe?g|png)$/i;

/**
 * Detects the layout of a data folder by the content of its first slice, not by its name. A folder that contains DICOM
 * counts as DICOM, even if there are pictures in it: discs often include a viewer and its logo.
 *
 * @throws DataError when there is no JPEG, PNG or DICOM file among the first 20,000 entries.
 * @example
 * ```ts
 * const { format } = await detectStudy('data');
 * const preprocessing = createPreprocessing(format === 'dicom' ? { windows: ['brainWide'] } : {});
 * ```
 */
export async function detectStudy(
  dir: string,
  options: Pick<StudyOptions, 'followLinks'> = {},
): Promise<DetectedStudy> {
  const { followLinks } = resolveOptions('detectStudy', options, {
    followLinks: SLICE_FILE_RULES.followLinks,
  });
  checkDir('detectStudy', dir);
  return detect(await openRoot(dir, followLinks));
}

async function detect(root: Root): Promise<DetectedStudy> {
  let folders = ['.'];
  let seen = 0;
  let pictures: StudyLayout | undefined;
  let outward: unknown; // error of the first link that leads out, thrown only if no other file shows the layout
  // level by level, since higher levels tell more about the layout
  while (folders.length > 0 && seen < MOST_ENTRIES) {
    const below: string[] = [];
    for (const folder of folders) {
      const file = path.join(root.name, folder);
      for (const [name, entry] of await listFolder(root, folder, { file })) {
        if (++seen > MOST_ENTRIES) break;
        const place = path.join(folder, name);
        const target = await targetOf(root, place, entry, { file: path.join(root.name, place) }).catch(
          (error: unknown) => void (outward ??= error),
        );
        if (target?.isDirectory() && !(await isAbove(root, place, entry))) below.push(place);
        // after the first image only DICOM matters, which does not have the name of an image
        if (!target?.isFile() || (pictures && PICTURE_NAME.test(name))) continue;
        const format = await formatOf(root, place);
        if (format === 'dicom') return { layout: 'dicom', format };
        if (format === 'image') pictures ??= folder === '.' ? 'patient' : 'challenge';
      }
    }
    folders = below;
  }
  if (pictures) return { layout: pictures, format: 'image' };
  if (outward !== undefined) throw outward;
  throw new DataError('there is no JPEG, PNG or DICOM file', { file: root.name });
}

/**
 * Opens a data folder of any layout that {@link detectStudy} knows.
 *
 * @throws DataError as the function for the layout, or if labels are required for one patient's folder of images.
 * @example
 * ```ts
 * const study = await openStudy('data', { preprocessing, requireLabels: false });
 * ```
 */
export async function openStudy<const L extends Labels = CtLabels>(
  dir: string,
  options: StudyOptions<L>,
): Promise<KaggleFolder<L> | DicomFolder<L>> {
  const { images, allow, ...rest } = resolveOptions('openStudy', options as StudyOptions, RULES);
  checkDir('openStudy', dir);
  const root = await openRoot(dir, rest.followLinks);
  // the root caches the listings of the detection
  const { layout } = images === undefined ? await detect(root) : { layout: 'challenge' };
  const labelled = { ...rest, labels: rest.labels as L };
  if (layout === 'dicom') return dicomFolder(root, { ...labelled, allow });
  if (layout === 'challenge') return kaggleFolder(root, { ...labelled, images });
  const { requireLabels, missingLabels: _missing, table: _table, ...files } = labelled;
  if (requireLabels) {
    throw new DataError("expected a study with labels, found one patient's images", { file: dir });
  }
  return patientFolder(root, files);
}

/** Whether a link leads to a folder that contains it: following it would never end. */
async function isAbove(root: Root, place: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return false;
  const where = { file: path.join(root.name, place) };
  const target = await inside(root, place, where);
  const folder = await inside(root, path.dirname(place), where);
  return `${folder}${path.sep}`.startsWith(`${target}${path.sep}`);
}

/** The format of a file by its first bytes; undefined for anything else. */
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
