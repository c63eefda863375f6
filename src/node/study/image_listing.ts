import { join } from 'node:path';
import { groupByPatient } from '../../data/tables/kaggle_table';
import type { SliceRow } from '../../data/tables/label_table';
import { checkName, sliceOrder, sliceStem } from '../../data/tables/slice_names';
import { DataError } from '../../base/errors';
import { fileIn, inside, listFolder, targetOf, type Root } from './data_root';
import type { SkippedFile } from '../files/file_bytes';
import type { SliceFile } from './slice_preparer';

/** Slices of each patient, and other files. */
export interface Found {
  slices: Map<string, SliceFile[]>;
  unlisted: string[];
  /** Rows of the table without a file, if that is not an error. */
  missing: SkippedFile[];
}

const IMAGE = /\.(jpe?g|png)$/i;

/** Finds the file of every row. */
export async function findRows(
  root: Root,
  images: string,
  table: { rows: readonly SliceRow[]; file: string },
  skipMissing: boolean,
): Promise<Found> {
  const found: Found = { slices: new Map(), unlisted: [], missing: [] };
  const folders = await listFolder(root, images, { file: join(root.name, images) });
  const patients = groupByPatient(table.rows, table.file);
  for (const [patient, rows] of patients) {
    const where = { file: table.file, row: rows[0]!.row, patient, slice: rows[0]!.slice };
    if (!folders.has(patient)) {
      throw new DataError(`the patient has no folder in ${join(root.name, images)}`, where);
    }
    const files = await listFolder(root, join(images, patient), where);
    const byStem = new Map<string, string[]>();
    for (const name of [...files.keys()].filter((file) => IMAGE.test(file))) {
      byStem.set(sliceStem(name), [...(byStem.get(sliceStem(name)) ?? []), name]);
    }
    const listed = new Set<string>();
    const slices: SliceFile[] = [];
    for (const { slice, row } of rows) {
      const at = { file: table.file, row, patient, slice };
      // an ID may lack the file extension
      const names = files.has(slice) ? [slice] : IMAGE.test(slice) ? [] : (byStem.get(slice) ?? []);
      const folder = join(root.name, images, patient);
      if (names.length === 0) {
        const error = new DataError(`the slice has no image file in ${folder}`, at);
        if (!skipMissing) throw error;
        found.missing.push({ file: join(folder, slice), error });
        continue;
      }
      if (names.length > 1) throw new DataError(`the slice has several image files: ${names.join(', ')}`, at);
      const name = names[0]!;
      listed.add(name);
      slices.push({
        slice,
        row,
        format: 'image',
        file: await fileIn(root, join(images, patient), files.get(name)!, at),
      });
    }
    if (slices.length > 0) found.slices.set(patient, slices);
    found.unlisted.push(
      ...[...files.keys()].filter((f) => !listed.has(f)).map((f) => join(images, patient, f)),
    );
  }
  found.unlisted.push(...[...folders.keys()].filter((f) => !patients.has(f)).map((f) => join(images, f)));
  return found;
}

/** Lists each folder of images as a patient, in the first of `candidates` that exists. */
export async function listStudy(root: Root, candidates: readonly string[]): Promise<Found> {
  for (const images of candidates) {
    const file = join(root.name, images);
    if ((await inside(root, images, { file })) === undefined) continue;
    const found: Found = { slices: new Map(), unlisted: [], missing: [] };
    for (const [name, entry] of await listFolder(root, images, { file })) {
      const place = join(images, name);
      const target = await targetOf(root, place, entry, { file, patient: name });
      if (!target?.isDirectory()) {
        found.unlisted.push(place);
        continue;
      }
      const { slices, unlisted } = await listPatient(root, place, name);
      found.slices.set(name, slices);
      found.unlisted.push(...unlisted);
    }
    if (found.slices.size === 0) throw new DataError('there is no patient folder', { file });
    return found;
  }
  throw new DataError(`there is no folder ${candidates.join(' or ')}`, { file: root.name });
}

/** The images of a folder, ordered by their number. */
export async function listPatient(root: Root, folder: string, patient: string) {
  const file = join(root.name, folder);
  checkName('patient', patient, { file, patient });
  const files = await listFolder(root, folder, { file, patient });
  const names = [...files.keys()].filter((name) => IMAGE.test(name));
  if (names.length === 0) throw new DataError('the patient has no slice', { file, patient });
  for (const slice of names) sliceOrder(slice, { file, patient, slice });
  const rows = names.map((slice) => ({ patient, slice, row: 0 }));
  const slices: SliceFile[] = [];
  for (const { slice } of groupByPatient(rows, file).get(patient)!) {
    const at = { file, patient, slice };
    slices.push({ slice, format: 'image', file: await fileIn(root, folder, files.get(slice)!, at) });
  }
  const unlisted = [...files.keys()].filter((name) => !IMAGE.test(name)).map((name) => join(folder, name));
  return { slices, unlisted };
}
