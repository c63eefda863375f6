/** Predicts with a trained model: prints a table, and writes files of probabilities, decisions or DICOM. */
import path from 'node:path';
import {
  ArgumentError,
  outputLevel,
  predictPatientLevel,
  predictPatients,
  type SlicePrediction,
} from '../../index';
import { loadCheckpoint, openStudy, type DicomFolder, type KaggleFolder, useBackend } from '../../node';
import { command, options, type Args } from '../command_line';
import { checkNewFolder, checkOutputs } from '../outputs';
import { BACKEND, CHECKPOINT, STUDY, studyOptions } from '../options';
import { dicomResults, type ReportingModel } from '../dicom_results';
import { labelCodes } from '../../dicom/reports/codes';
import { problemLines, warnOfProblems } from '../studies/study_problems';
import { textTable } from '../terminal';
import { writeFileAtomic } from '../../node/files/atomic_write';
import { writeTables } from '../../node/runs/predictions_file';
import type { PatientPrediction } from '../../data/tables/predictions_table';

const OPTIONS = options({
  ...CHECKPOINT,
  patient: { value: 'DIR', help: "one patient's folder of slices, images or DICOM", once: true },
  data: { value: 'DIR', help: "a folder in the challenge's layout, or of DICOM; labels are not needed", once: true },
  images: { value: 'NAME', help: 'folder of patients inside --data, e.g. test' },
  out: { value: 'FILE', help: 'write dirname,ID and a probability per label; for a patient-level model patient,…' },
  kaggle: { value: 'FILE', help: "write the challenge's submission: ID,prediction" },
  rsna: { value: 'FILE', help: "write RSNA's submission: ID,Label" },
  'dicom-out': { value: 'DIR', help: 'a new folder: for a DICOM study, write a structured report and heat maps as DICOM' },
  mirror: { help: 'also predict mirrored slices (left to right), and average the logits' },
  quiet: { help: 'do not print the table' },
  ...STUDY,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: [
    '--checkpoint runs/kaggle --patient data/train/ID_001',
    '--checkpoint runs/dicom --patient study/of/dicom/files',
    '--checkpoint runs/kaggle --data data --kaggle submission.csv',
    '--checkpoint runs/dicom --patient study/of/dicom/files --dicom-out results',
  ],
  options: OPTIONS,
  json: 'all predictions, the thresholds and the problems of the study',
  run: predict,
});

async function predict(args: Args<typeof OPTIONS>, json: boolean): Promise<unknown> {
  const { patient, data, images, out, kaggle, rsna, dicomOut } = args;
  if ((patient === undefined) === (data === undefined)) {
    console.error('Give either --patient or --data. See --help.');
    process.exitCode = 2;
    return undefined;
  }
  await checkOutputs(
    { files: { out, kaggle, rsna }, apart: { 'dicom-out': dicomOut } },
    { studies: { patient, data }, checkpoints: { checkpoint: args.checkpoint } },
  );
  if (dicomOut !== undefined) await checkNewFolder('--dicom-out', dicomOut);
  await useBackend(args.backend);
  const { model, manifest } = await loadCheckpoint(args.checkpoint);
  const { preprocessing, labels, thresholds, calibration } = manifest;
  const options = {
    threshold: thresholds,
    calibration,
    flips: args.mirror ? (['horizontal'] as const) : undefined,
  };
  const source = await openStudy((patient ?? data)!, {
    preprocessing,
    labels,
    requireLabels: false,
    images,
    ...studyOptions(args),
  });
  warnOfProblems(source);
  const result = {
    labels,
    thresholds,
    calibrated: calibration !== undefined,
    problems: problemLines(source),
  };
  const dicom = dicomOut === undefined ? undefined : dicomWriter(dicomOut, { model, manifest }, source);
  const found = (decisions: readonly number[]) =>
    labels.filter((_, i) => decisions[i] === 1).join(' ') || '-';

  if (outputLevel(model) === 'patients') {
    if (kaggle || rsna)
      throw new ArgumentError(
        '--kaggle, --rsna: expected a model that predicts slices, received one that predicts patients',
      );
    const predictions: PatientPrediction[] = [];
    await writeTables(out ? [{ file: out, format: 'patients' }] : [], labels, async (add) => {
      for await (const prediction of predictPatientLevel(model, source, options)) {
        predictions.push(prediction);
        await dicom?.(prediction.patient, [prediction.probabilities]);
        await add([prediction]);
      }
    });
    const rows = predictions.map(({ patient: id, probabilities, decisions }) => [
      id,
      ...probabilities,
      found(decisions),
    ]);
    if (!args.quiet) console.log(`\n${textTable(['patient', ...labels, 'found'], rows)}`);
    console.log(`\n${predictions.length} patients`);
    await source.close();
    return { ...result, predictions };
  }
  // the predictions of a large study may not fit into memory, so they are written as they are made
  const predictions: SlicePrediction[] = [];
  let count = 0;
  const files = [
    { file: out, format: 'slices' as const },
    { file: kaggle, format: 'challenge' as const },
    { file: rsna, format: 'rsna' as const },
  ].flatMap(({ file, format }) => (file ? [{ file, format }] : []));
  await writeTables(files, labels, async (add) => {
    for await (const slices of predictPatients(model, source, options)) {
      count += slices.length;
      if (json) predictions.push(...slices);
      const probabilities = slices.map((slice) => slice.probabilities);
      await dicom?.(slices[0]!.patient, probabilities);
      await add(slices);
      if (args.quiet) continue;
      const rows = slices.map(({ slice, probabilities, decisions }) => [
        slice,
        ...probabilities,
        found(decisions),
      ]);
      console.log(`\n${slices[0]?.patient}\n${textTable(['slice', ...labels, 'found'], rows)}`);
    }
  });
  console.log(`\n${count} slices of ${source.patients.length} patients`);
  await source.close();
  return { ...result, predictions };
}

/** Writes the results of each stack to its own folder. */
function dicomWriter(folder: string, model: ReportingModel, source: DicomFolder | KaggleFolder) {
  if (!('seriesOf' in source)) {
    throw new ArgumentError('--dicom-out: expected a study of DICOM files, received one of images');
  }
  // before anything is predicted
  labelCodes('--dicom-out', model.manifest.labels, {});
  return async (patient: string, probabilities: readonly (readonly number[])[]): Promise<void> => {
    for await (const { name, bytes } of dicomResults(model, source, patient, probabilities)) {
      await writeFileAtomic(path.join(folder, patient, name), bytes);
    }
  };
}
