/** The studies of a training run, opened as one source. */
import path from 'node:path';
import {
  createPreprocessing,
  patientsUnknown,
  unionSource,
  type CtPreprocessing,
  type PatientSource,
} from '../../index';
import { detectStudy, openStudy } from '../../node';
import { warnOfProblems } from './study_problems';
import type { CtWindowName } from '../../transforms/hu_window';
import type { StudyOptions } from '../../node/study/open_study';

export interface OpenedStudies {
  /** The only study, or the union of several. */
  study: PatientSource;
  /** Slices of unknown patients, which are trained on but used for no choice. */
  trainOnly: string[];
  /** Whether all patients are unknown: figures are then optimistic. */
  optimistic: boolean;
  close: () => Promise<void>;
}

/** Preprocessing for these folders: HU need a window, images already have one. */
export async function preprocessingFor(
  folders: readonly string[],
  args: {
    imageSize: number;
    windows: CtWindowName[] | undefined;
    neighbors: number;
    clahe: boolean;
    followLinks: boolean;
  },
): Promise<CtPreprocessing> {
  const { imageSize: size, neighbors, clahe, followLinks } = args;
  const formats = await Promise.all(
    folders.map(async (folder) => (await detectStudy(folder, { followLinks })).format),
  );
  const windows = args.windows ?? (formats.includes('dicom') ? ['brainWide' as const] : undefined);
  return createPreprocessing({
    imageSize: [size, size],
    neighbors,
    windows,
    clahe: clahe ? undefined : false,
  });
}

/** Opens every folder; if there are several, labels that a table lacks count as "not labelled". */
export async function openStudies(
  folders: readonly string[],
  options: StudyOptions & { preprocessing: CtPreprocessing },
): Promise<OpenedStudies> {
  const several = folders.length > 1;
  const opened = await Promise.all(
    folders.map((folder) =>
      openStudy(folder, { ...options, ...(several && { missingLabels: 'unlabelled' as const }) }),
    ),
  );
  opened.forEach(warnOfProblems);
  const close = async () => void (await Promise.all(opened.map((study) => study.close())));
  if (several) await reportWindows(folders, options);
  const names = studyNames(folders);
  const unknown = opened.map(patientsUnknown);
  const optimistic = unknown.every(Boolean);
  if (!several) return { study: opened[0]!, trainOnly: [], optimistic, close };
  const study = unionSource(opened.map((source, i) => ({ name: names[i]!, source })));
  const trainOnly = opened.flatMap((source, i) =>
    unknown[i] && !optimistic ? source.patients.map((patient) => `${names[i]}/${patient}`) : [],
  );
  return { study, trainOnly, optimistic, close };
}

/** Names of the folders, numbered if two are the same. */
export function studyNames(folders: readonly string[]): string[] {
  const bases = folders.map((folder) => path.basename(path.resolve(folder)));
  return bases.map((name, i) => (bases.indexOf(name) === i ? name : `${name}-${i + 1}`));
}

/** Prints the window of each study, since a model cannot distinguish a window from a hospital. */
async function reportWindows(
  folders: readonly string[],
  { preprocessing, imageWindow, followLinks }: StudyOptions & { preprocessing: CtPreprocessing },
): Promise<void> {
  const windows = preprocessing.windows === false ? undefined : JSON.stringify(preprocessing.windows);
  const seen = await Promise.all(
    folders.map(async (folder) => {
      const { format } = await detectStudy(folder, { followLinks });
      if (format === 'dicom') return `HU in the windows ${windows ?? 'of the files'}`;
      if (windows !== undefined)
        return `images that show the window ${imageWindow as CtWindowName}, in the windows ${windows}`;
      return "images in the files' own window, which may differ between studies";
    }),
  );
  folders.forEach((folder, i) => console.log(`${folder}: ${seen[i]}`));
}
