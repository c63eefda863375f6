/** Fetches a study from a DICOMweb server, scores it, and stores the results with it. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  ArgumentError,
  CtMultilabelError,
  outputLevel,
  predictPatientLevel,
  predictPatients,
} from '../index';
import { openDicomFolder, type DicomFolder } from '../node';
import { labelCodes } from '../dicom/reports/codes';
import type { DicomFolderOptions } from '../node/study/dicom_folder';
import type { DicomWeb, FoundSeries } from '../node/pacs/dicom_web';
import { dicomResults, type ReportingModel } from './dicom_results';

/** How studies are scored. */
export interface StudyScorer extends ReportingModel {
  server: DicomWeb;
  /** A dedicated folder for one study at a time, emptied before and after. */
  folder: string;
  options: Pick<DicomFolderOptions, 'workers' | 'onBadFile' | 'allow'>;
}

/**
 * Fetches and scores a study, and stores its results.
 *
 * @returns The number of objects stored.
 * @throws DataError for a study that cannot be read; CtMultilabelError if the server fails.
 */
export async function scoreStudy(
  scorer: StudyScorer,
  study: string,
  series: readonly FoundSeries[],
): Promise<number> {
  const { server, folder, manifest, options } = scorer;
  const { labels, preprocessing } = manifest;
  await rm(folder, { recursive: true, force: true });
  try {
    for (const [i, one] of series.entries())
      await fetchInto(path.join(folder, String(i)), server, study, one);
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const opened = await openDicomFolder(folder, {
      ...{ preprocessing, labels, table: false, requireLabels: false },
      ...given,
    });
    try {
      let stored = 0;
      for await (const [patient, probabilities] of predictions(scorer, opened)) {
        for await (const { bytes } of dicomResults(scorer, opened, patient, probabilities)) {
          await server.store(study, [bytes]);
          stored++;
        }
      }
      return stored;
    } finally {
      await opened.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Fetches the files of a series under numbers, since the server's names for them may contain a patient's name.
 *
 * @throws CtMultilabelError for fewer files than the server reported: part of a stack must not be taken for all of it.
 */
async function fetchInto(
  folder: string,
  server: DicomWeb,
  study: string,
  series: FoundSeries,
): Promise<void> {
  let count = 0;
  await server.fetchSeries(
    { study, series: series.uid },
    async () => {
      count = 0;
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
    },
    (bytes) => writeFile(path.join(folder, `${String(++count).padStart(6, '0')}.dcm`), bytes),
  );
  if (count >= series.images) return;
  throw new CtMultilabelError(`series ${series.uid}: expected ${series.images} files, received ${count}`);
}

/** Each stack of a study with its rows of probabilities: one per slice, or a single one. */
async function* predictions(
  { model, manifest }: ReportingModel,
  study: DicomFolder,
): AsyncGenerator<[patient: string, probabilities: (readonly number[])[]], void, undefined> {
  const options = { threshold: manifest.thresholds, calibration: manifest.calibration };
  if (outputLevel(model) === 'patients') {
    for await (const { patient, probabilities } of predictPatientLevel(model, study, options)) {
      yield [patient, [probabilities]];
    }
  } else {
    for await (const slices of predictPatients(model, study, options)) {
      yield [slices[0]!.patient, slices.map(({ probabilities }) => probabilities)];
    }
  }
}

/** @throws ArgumentError for a model trained on images instead of HU, or with labels without a code. */
export function checkReports({ manifest }: ReportingModel): void {
  labelCodes('--checkpoint', manifest.labels, {});
  if (manifest.preprocessing.windows !== false) return;
  throw new ArgumentError(
    '--checkpoint: expected a model trained on windows of HU, received one trained on images',
  );
}
