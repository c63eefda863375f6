import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { PHANTOM_STUDY_RULES, resolvePhantomOptions } from '../../data/phantom/options';
import { CT_LABELS } from '../../data/labels/labels';
import {
  makePhantomStudy,
  type PhantomPatient,
  type PhantomStudy,
  type PhantomStudyOptions,
} from '../../data/phantom/phantom';
import { check, isRecord } from '../../base/checks';
import { DataError } from '../../base/errors';
import { callback, isNumberIn, oneOf, optional, resolveOptions, rule, type Rules } from '../../base/options';
import { move, remove } from '../files/move';
import { writeError } from '../files/write_error';

/**
 * Options of {@link writePhantomStudy}.
 *
 * @inline
 */
export interface WritePhantomStudyOptions extends PhantomStudyOptions {
  /**
   * Image format; `jpg` is written at quality 95.
   * @defaultValue 'png'
   */
  format?: 'png' | 'jpg';
  /**
   * Window in HU that fills the 8-bit range.
   * @defaultValue { center: 40, width: 120 }
   */
  window?: { center: number; width: number };
  /** Called after every patient with how many are done; an error it throws ends the writing. */
  onProgress?: (done: number, patients: number) => void;
}

const RULES = {
  ...PHANTOM_STUDY_RULES,
  format: optional(oneOf(['png', 'jpg']), 'png'),
  window: optional(
    rule<{ center: number; width: number }>(
      'a finite center and a width above 0, in HU',
      (value) =>
        isRecord(value) && Number.isFinite(value.center) && isNumberIn(value.width, Number.MIN_VALUE, 1e5),
    ),
    { center: 40, width: 120 },
  ),
  onProgress: optional(callback),
} satisfies Rules<WritePhantomStudyOptions>;

/**
 * The study that {@link writePhantomStudy} wrote or found.
 *
 * @inline
 */
export interface PhantomStudySummary {
  patients: number;
  slices: number;
  /** Slices with each hemorrhage. */
  positives: Record<(typeof CT_LABELS)[number], number>;
  /** Whether the folder was already there, written with the same options. */
  reused: boolean;
}

/** The file that records the options of a study. */
const RECORD = 'phantom.json';

/** Incremented whenever equal options give other images. */
const VERSION = 1;

/**
 * Writes a study of synthetic head CTs in the layout of the challenge: `train.csv` with the columns
 * `dirname,ID,ich,ivh,sah,sdh,edh`, and 8-bit gray images such as `train/ID_001/001_0.png`, slice 0 at the skull base.
 *
 * A gray value is `255 * (hu - (center - width / 2)) / width`, clipped to 0..255. The study is written atomically, to a
 * temporary folder beside the target that is renamed at the end. A folder with the study of the
 * same options is left unchanged.
 *
 * @param folder - The target, which must not exist, be empty, or contain the same study.
 * @throws ArgumentError for an option outside its range.
 * @throws DataError if the folder contains anything else.
 * @throws CtMultilabelError that names the folder, if the disk is full or the folder is not writable.
 * @example
 * ```ts
 * await writePhantomStudy('runs/phantom', { patients: 40, seed: 1, slices: 12, size: 96 });
 * ```
 */
export async function writePhantomStudy(
  folder: string,
  options: WritePhantomStudyOptions,
): Promise<PhantomStudySummary> {
  check(
    typeof folder === 'string' && folder !== '',
    'writePhantomStudy: folder',
    'a path of a folder',
    folder,
  );
  const { format, window, onProgress, ...study } = resolveOptions('writePhantomStudy', options, RULES);
  const phantoms = makePhantomStudy(study); // checks the rest of the options

  const target = resolve(folder);
  const { center, width } = window;
  const made = recordOf({ ...study, format, window: { center, width } });
  const kept = await existing(target, made);
  if (kept !== undefined) return { ...kept, reused: true };

  await mkdir(dirname(target), { recursive: true });
  const draft = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  try {
    const summary = emptySummary(phantoms.patients);
    const rows = [`dirname,ID,${CT_LABELS.join(',')}`];
    for (let index = 0; index < phantoms.patients; index++) {
      const patient = phantoms.patient(index);
      const names = await writeImages(join(draft, 'train', patient.id), patient, format, window);
      patient.labels.forEach((row, slice) => {
        rows.push([patient.id, names[slice], ...row].join(','));
        CT_LABELS.forEach((label, k) => (summary.positives[label] += row[k]!));
      });
      summary.slices += patient.slices;
      onProgress?.(index + 1, phantoms.patients);
    }
    await writeFile(join(draft, 'train.csv'), `${rows.join('\n')}\n`);
    await writeFile(join(draft, RECORD), `${JSON.stringify({ made, summary }, null, 2)}\n`);
    // the target may be an empty folder
    await rmdir(target).catch(() => undefined);
    await move(draft, target);
    return { ...summary, reused: false };
  } catch (error) {
    await remove(draft);
    throw writeError(error, folder);
  }
}

/**
 * Generates the phantoms of a written study again, with data that its images do not contain: masks, tissue and HU.
 *
 * @param folder - Written by {@link writePhantomStudy}.
 * @throws DataError if the folder contains no phantom study, or one of another version.
 * @example
 * ```ts
 * const study = await readPhantomStudy('runs/phantom');
 * const { masks } = study.patient(0); // of ID_001
 * ```
 */
export async function readPhantomStudy(folder: string): Promise<PhantomStudy> {
  const file = join(folder, RECORD);
  try {
    const { made } = await readRecord(folder);
    const { version, seed, patients, slices, size, difficulty, prevalence } = JSON.parse(made as string);
    if (version !== VERSION) throw new Error(`version ${version}, expected ${VERSION}`);
    const known = Array.isArray(prevalence) && prevalence.length === CT_LABELS.length;
    if (!known) throw new Error(`prevalence: expected ${CT_LABELS.length} shares`);
    const shares = Object.fromEntries(CT_LABELS.map((label, k) => [label, prevalence[k]]));
    return makePhantomStudy({ seed, patients, slices, size, difficulty, prevalence: shares });
  } catch (cause) {
    const { message } = cause as Error;
    throw new DataError(
      `expected a phantom study that can be generated again: ${message}`,
      { file },
      { cause },
    );
  }
}

/** The record of a written study. */
async function readRecord(folder: string): Promise<{ made?: unknown; summary?: Summary }> {
  return JSON.parse(await readFile(join(folder, RECORD), 'utf8')) as { made?: unknown; summary?: Summary };
}

type Summary = Omit<PhantomStudySummary, 'reused'>;

const emptySummary = (patients: number): Summary => ({
  patients,
  slices: 0,
  positives: { ich: 0, ivh: 0, sah: 0, sdh: 0, edh: 0 },
});

/** The options with defaults as text, which is equal for equal studies. */
function recordOf(
  options: PhantomStudyOptions & Required<Pick<WritePhantomStudyOptions, 'format' | 'window'>>,
): string {
  const { patients, format, window, ...rest } = options;
  const { seed, slices, size, difficulty, prevalence } = resolvePhantomOptions('writePhantomStudy', rest);
  return JSON.stringify({
    version: VERSION,
    seed,
    patients,
    slices,
    size,
    difficulty,
    prevalence: CT_LABELS.map((label) => prevalence[label]),
    format,
    window,
  });
}

/** The summary of the study in `target` if it is the requested one; undefined if the folder is empty or missing. */
async function existing(target: string, made: string): Promise<Summary | undefined> {
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw new DataError(
      'the target of a phantom study is not a readable folder',
      { file: target },
      { cause: error },
    );
  });
  if (entries.length === 0) return undefined;
  const refuse = (why: string, cause?: unknown) =>
    new DataError(
      `the folder is not empty and ${why}: choose another, or remove it`,
      { file: target },
      { cause },
    );
  if (!entries.includes(RECORD)) throw refuse('contains no phantom study');
  let record: { made?: unknown; summary?: Summary };
  try {
    record = await readRecord(target);
  } catch (error) {
    throw refuse(`its ${RECORD} cannot be read`, error);
  }
  if (record?.made !== made || record.summary === undefined) {
    throw refuse('contains a phantom study with other options');
  }
  return record.summary;
}

/** Writes a patient's slices and returns their file names. */
async function writeImages(
  folder: string,
  { id, hu, slices, size }: PhantomPatient & { id: string },
  format: 'png' | 'jpg',
  { center, width }: { center: number; width: number },
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const low = center - width / 2;
  const area = size * size;
  return Promise.all(
    Array.from({ length: slices }, async (_, slice) => {
      const gray = Uint8ClampedArray.from(
        hu.subarray(slice * area, (slice + 1) * area),
        (value) => (255 * (value - low)) / width,
      );
      const image = sharp(gray, { raw: { width: size, height: size, channels: 1 } }).toColourspace('b-w');
      const name = `${id.replace('ID_', '')}_${slice}.${format}`;
      await (format === 'png' ? image.png() : image.jpeg({ quality: 95 })).toFile(join(folder, name));
      return name;
    }),
  );
}
