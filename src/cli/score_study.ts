/** A study of a DICOMweb server: fetched, scored, and what was found stored beside it. */
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
  /** A folder of its own, which is emptied before and after: it holds one study at a time. */
  folder: string;
  options: Pick<DicomFolderOptions, 'workers' | 'onBadFile' | 'allow'>;
}

/**
 * Fetches and scores a study, and stores its results.
 *
 * @returns How many objects were stored.
 * @throws DataError for a study that cannot be read; CtMultilabelError where the server fails.
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
 * Files of a series, numbered: what a server calls them may name a patient.
 *
 * @throws CtMultilabelError for fewer than the server said it has: a part of a stack must not pass for all of it.
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
  throw new CtMultilabelError(`series ${series.uid}: ${count} files came, expected ${series.images}`);
}

/** Each stack of a study with its rows of probabilities: one per slice, or one in all. */
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

/** @throws ArgumentError for a model that sees images and no HU, or has labels without a code. */
export function checkReports({ manifest }: ReportingModel): void {
  labelCodes('--checkpoint', manifest.labels, {});
  if (manifest.preprocessing.windows !== false) return;
  throw new ArgumentError(
    '--checkpoint: expected a model of windows of HU, received one of images as they are',
  );
}
