/** Which patients of a study a model has not seen, by name and by the content of their slices. */
import { realpath } from 'node:fs/promises';
import {
  createPreprocessing,
  findDuplicateSlices,
  subset,
  unionSource,
  type CtPreprocessing,
  type PatientSource,
} from '../../index';
import { openStudy } from '../../node';
import { studyNames } from './open_studies';
import { progressLine } from '../terminal';
import type { SeenPatients } from './seen_patients';
import type { StudyOptions } from '../../node/study/open_study';

/** Slices are compared at this size, without CLAHE: at a smaller one, different slices may look the same. */
const SIZE = 256;

export interface Unseen {
  patients: string[];
  /** Whether slices were compared, not only names. */
  compared: boolean;
  /** What was left out and why. */
  notes: string[];
}

/**
 * Leaves out patients that the model was trained on, that its epochs were chosen by, or that its thresholds were fitted
 * on.
 * If the folders of the training run still exist, patients of another folder are compared with its patients slice by
 * slice: equal names at two hospitals are two persons, and one scan may have two names. Otherwise only names are
 * compared.
 */
export async function unseenPatients(
  folder: string,
  study: PatientSource,
  seen: SeenPatients,
  options: StudyOptions & { preprocessing: CtPreprocessing },
): Promise<Unseen> {
  const { windows } = options.preprocessing;
  const plain = createPreprocessing({ windows, clahe: false, imageSize: [SIZE, SIZE] });
  const open = (dir: string) =>
    openStudy(dir, {
      ...options,
      cacheFolder: undefined,
      preprocessing: plain,
      requireLabels: false,
      table: false,
    });
  const names = new Set([...(seen.train ?? []), ...(seen.validation ?? []), ...(seen.fitted ?? [])]);
  const trained = await openTrained(seen, open);
  const notes: string[] = [];
  if (!trained) {
    const left = study.patients.filter((patient) => !names.has(patient));
    notes.push(
      `left out ${study.patients.length - left.length} patients by name only: the folders of the training run were not found, so slices could not be compared`,
    );
    return { patients: left, compared: false, notes };
  }

  const own = await realpath(folder);
  const fitted = new Set(seen.fitted);
  const isSameFolder = trained.some(({ place }) => place === own);
  const byName = study.patients.filter((patient) => (isSameFolder ? names : fitted).has(patient));
  const rest = study.patients.filter((patient) => !byName.includes(patient));
  const evaluated = await open(folder);
  const line = progressLine('comparing slices of patients');
  try {
    const sources = trained.map(({ name, source, patients }) => ({
      name: `seen ${name}`,
      source: subset(source, patients),
    }));
    const all = unionSource([{ name: 'own', source: subset(evaluated, rest) }, ...sources]);
    const found = await findDuplicateSlices(all, {
      groupBy: (id) => id.slice(0, id.indexOf('/')),
      onProgress: ({ done, total }) => line.show(done, total),
    });
    const equal = new Map(
      found.flatMap(({ slices }) => {
        const other = slices.find(({ patient }) => !patient.startsWith('own/'))!.patient;
        return slices.flatMap(({ patient }) =>
          patient.startsWith('own/') ? [[patient.slice(4), other]] : [],
        );
      }) as [string, string][],
    );
    if (byName.length > 0)
      notes.push(`left out ${byName.length} patients that the model has seen, by their names in this folder`);
    for (const [patient, other] of equal) {
      notes.push(
        `left out ${patient}: its slices equal those of ${other.replace(/^seen /, '')}, which the model has seen`,
      );
    }
    return { patients: rest.filter((patient) => !equal.has(patient)), compared: true, notes };
  } finally {
    line.end();
    await Promise.all([evaluated, ...trained.map(({ source }) => source)].map((source) => source.close()));
  }
}

type Opened = Awaited<ReturnType<typeof openStudy>>;

/** The studies of the training run with the patients it used; undefined if any of them is missing. */
async function openTrained(seen: SeenPatients, open: (dir: string) => Promise<Opened>) {
  const data = seen.config?.['data'];
  const folders = (Array.isArray(data) ? data : [data]).filter((dir) => typeof dir === 'string');
  if (folders.length === 0) return undefined;
  const places = await Promise.all(folders.map((dir) => realpath(dir).catch(() => undefined)));
  if (places.includes(undefined)) return undefined;
  const used = [...(seen.train ?? []), ...(seen.validation ?? [])];
  const names = studyNames(folders);
  return Promise.all(
    folders.map(async (dir, i) => {
      const source = await open(dir);
      const wanted = new Set(folders.length === 1 ? used : used.flatMap((name) => stripped(name, names[i]!)));
      const patients = source.patients.filter((patient) => wanted.has(patient));
      return { name: names[i]!, place: places[i]!, source, patients };
    }),
  );
}

const stripped = (name: string, study: string): string[] =>
  name.startsWith(`${study}/`) ? [name.slice(study.length + 1)] : [];
