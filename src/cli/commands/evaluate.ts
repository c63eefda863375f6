/**
 * Evaluates a checkpoint on a labelled study, and writes a report: one HTML file with figures, charts, pictures and a
 * model card. With --save it first fits a calibration, thresholds or both on these patients, and writes a checkpoint
 * with them.
 */
import { ArgumentError, collectPredictions, outputLevel, subset, type CheckpointManifest } from '../../index';
import {
  detectStudy,
  findCheckpoint,
  loadCheckpoint,
  openStudy,
  readTrainingHistory,
  saveCheckpoint,
  useBackend,
} from '../../node';
import { writeFileAtomic } from '../../node/files/atomic_write';
import { slicePictures } from '../../node/pictures/slice_pictures';
import { interval } from '../../report/html';
import { measure, type Measured } from '../../report/measures';
import { evaluationPage } from '../../report/page';
import { runsOf, samplesOf } from '../../report/samples';
import { worstCases } from '../../report/worst_cases';
import { positiveInteger, share } from '../../base/options';
import { command, numberIn, options, type Args } from '../command_line';
import { fitted } from '../fit_decisions';
import { checkNewFolder, checkOutputs } from '../outputs';
import { BACKEND, CHECKPOINT, STUDY, studyOptions, TABLE } from '../options';
import { overlapWarnings, selectPatients, SELECTIONS } from '../studies/select_patients';
import { runFolders, seenPatients } from '../studies/seen_patients';
import { checkFindings, warnOfProblems } from '../studies/study_problems';
import { progressLine, textTable } from '../terminal';

const OPTIONS = options({
  ...CHECKPOINT,
  data: { value: 'DIR', help: 'a labelled study, images or DICOM', required: true, once: true },
  ...TABLE,
  out: { value: 'FILE', default: 'report.html', help: 'file for the report' },
  patients: {
    value: 'WHICH',
    choices: SELECTIONS,
    default: 'all',
    help: 'unseen: used for neither training nor fitting, by name and by slice content; validation: those that the best epoch was chosen by',
  },
  run: { value: 'DIR', help: "the training run, for its history and split (default: the checkpoint's run)" },
  prevalence: {
    value: 'X[,X...]',
    parse: shares,
    help: 'share of patients with a label, one number or one per label, for PPV and NPV per patient (default: the share in the study)',
  },
  worst: { value: 'N', default: 12, help: 'number of slices with the largest loss to show' },
  maps: { default: true, help: 'show where the model looked in them' },
  calibrate: { help: 'fit a calibration on these patients; needs --save' },
  'calibration-method': { value: 'NAME', choices: ['temperature', 'platt'], default: 'temperature', help: 'calibration method' },
  'choose-thresholds': { help: 'choose thresholds for F2 on these patients; needs --save' },
  save: { value: 'DIR', help: 'new folder for the checkpoint with the fitted calibration and thresholds' },
  seed: { value: 'N', default: 1, help: 'seed of the bootstrap' },
  resamples: { value: 'N', rule: positiveInteger, default: 2000, help: 'number of bootstrap resamples' },
  date: { value: 'TEXT', help: 'date to print in the report (default: none, so that equal input gives equal files)' },
  mirror: { help: 'also predict mirrored slices (left to right), and average the logits' },
  ...STUDY,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: [
    '--checkpoint runs/demo/run --data runs/demo/study --patients unseen --out report.html',
    '--checkpoint runs/demo/run --data runs/demo/study --patients validation --calibrate --choose-thresholds --save runs/demo/decided',
  ],
  options: OPTIONS,
  json: 'the figures of the report, with their intervals',
  run: evaluate,
});

async function evaluate(args: Args<typeof OPTIONS>): Promise<unknown> {
  const { calibrate, chooseThresholds: choose, save, run, date } = args;
  if ((calibrate || choose) !== (save !== undefined)) {
    throw new ArgumentError(
      '--calibrate and --choose-thresholds need --save, and --save needs at least one of them',
    );
  }
  await checkOutputs(
    { files: { out: args.out }, folders: { save } },
    { studies: { data: args.data }, checkpoints: { checkpoint: args.checkpoint, run } },
  );
  if (save !== undefined) await checkNewFolder('--save', save);
  await useBackend(args.backend);
  const checkpoint = await findCheckpoint(args.checkpoint);
  const { model, manifest: loaded } = await loadCheckpoint(checkpoint);
  const prevalence = perLabel(args.prevalence, loaded.labels.length);
  const seen = await seenPatients(checkpoint, run);

  const folder = args.data;
  const { layout, format } = await detectStudy(folder, { followLinks: args.followLinks });
  const opening = { preprocessing: loaded.preprocessing, ...studyOptions(args) };
  const study = await openStudy(folder, {
    ...opening,
    labels: loaded.labels,
    table: args.table,
  });
  warnOfProblems(study);
  const chosen = await selectPatients(args.patients, folder, study, seen, opening);
  for (const note of chosen.notes) console.log(`--patients ${args.patients}: ${note}`);
  const source = subset(study, chosen.patients);
  if (save !== undefined) checkFindings(source, folder);

  // a slice-level model is evaluated per patient only if only patients are labelled
  const byOutput = outputLevel(model);
  const labelled = source.patients.every((patient) => source.sliceLabels(patient) !== undefined);
  const level = byOutput === 'slices' && !labelled ? 'patients' : byOutput;
  const line = progressLine('patients');
  const predict = (calibration: CheckpointManifest['calibration']) =>
    collectPredictions(model, source, {
      level,
      calibration,
      flips: args.mirror ? (['horizontal'] as const) : undefined,
      onProgress: ({ done, total }) => line.show(done, total),
    });
  const { manifest, predictions } =
    save === undefined
      ? { manifest: loaded, predictions: await predict(loaded.calibration) }
      : await fitted(loaded, predict, { calibrate, choose, method: args.calibrationMethod });
  line.end();
  if (save !== undefined) {
    const fittedOn = [...new Set([...(seen.fitted ?? []), ...source.patients])];
    await saveCheckpoint(save, model, { ...manifest, state: { fitted: fittedOn } });
    console.log(
      `${save}: the checkpoint with calibration and thresholds fitted on ${source.patients.length} patients`,
    );
    seen.fitted = fittedOn;
  }

  const person = (patient: string) => source.groupOf?.(patient) ?? patient;
  const { seed, resamples } = args;
  const { labels, thresholds } = manifest;
  const options = { labels, thresholds, seed, resamples };
  const measured = samplesOf(predictions, person).map((samples) =>
    measure(samples, { ...options, prevalence: samples.level === 'patients' ? prevalence : undefined }),
  );
  const warnings = overlapWarnings(
    source.patients,
    chosen.compared ? { train: [], validation: [], fitted: seen.fitted } : seen,
  );
  const cases = await worstCases(model, source, predictions, {
    count: args.worst,
    maps: args.maps,
    pictures: slicePictures,
  });
  const epochs = await firstHistory(run === undefined ? runFolders(checkpoint) : [run]);
  const text = await evaluationPage({
    checkpoint: args.checkpoint,
    manifest,
    level: byOutput,
    study: {
      folder,
      kind: `${layout} layout, ${format === 'dicom' ? 'DICOM' : 'JPEG or PNG images'}`,
      chosen: `${args.patients} patients`,
      patients: source.patients.length,
      people: new Set(source.patients.map(person)).size,
      slices: source.patients.reduce((sum, patient) => sum + source.sliceNames(patient).length, 0),
    },
    warnings,
    measured,
    resamples,
    seed,
    worst: { level, cases },
    epochs,
    config: seen.config,
    date,
    runs: level === 'slices' ? runsOf(source, predictions, thresholds) : undefined,
  });
  await study.close();
  await writeFileAtomic(args.out, text);
  printSummary(measured, warnings);
  console.log(args.out);
  // predict prints the samples themselves
  const figures = measured.map(({ yTrue, people, ...own }) => ({
    level: own.level,
    number: yTrue.length,
    patients: new Set(people).size,
    prevalence: own.prevalence,
    pooled: { ...own.report.pooled, intervals: own.pooled },
    macro: own.report.macro,
    labels: [...own.labels, ...(own.any ? [own.any] : [])].map(({ report, threshold, intervals }) => ({
      ...{ ...report, threshold, intervals },
    })),
  }));
  return { report: args.out, labels, thresholds, warnings, figures };
}

function shares(text: string, what: string): number[] {
  return text.split(',').map((part) => {
    const value = numberIn(part);
    share.check(value ?? part, what);
    return value!;
  });
}

/** One share for every label. */
function perLabel(values: number[] | undefined, labels: number): number[] | undefined {
  if (values === undefined || values.length === labels) return values;
  if (values.length !== 1) {
    throw new ArgumentError(`--prevalence: expected one number, or one for each of ${labels} labels, received ${values.length}`); // prettier-ignore
  }
  return Array.from({ length: labels }, () => values[0]!);
}

async function firstHistory(folders: readonly string[]) {
  for (const folder of folders) {
    const epochs = await readTrainingHistory(folder);
    if (epochs) return epochs;
  }
  return undefined;
}

function printSummary(measured: readonly Measured[], warnings: readonly string[]): void {
  const rows = measured.map(({ level, yTrue, pooled }) => [
    level,
    String(yTrue.length),
    ...[pooled.f2, pooled.allPositive, pooled.difference].map(interval),
  ]);
  const header = ['decisions per', 'number', 'F2 [95%]', 'F2 if all positive [95%]', 'difference [95%]'];
  console.log(`\n${textTable(header, rows)}\n`);
  for (const warning of warnings) console.log(`Note: ${warning}`);
}
