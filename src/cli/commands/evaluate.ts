/**
 * Evaluates a checkpoint on a labelled study, and writes a report: one HTML file with figures, charts, pictures and a
 * model card. With --save it first fits a calibration, thresholds or both on these patients, and writes a checkpoint
 * with them.
 */
import {
  ArgumentError,
  collectPredictions,
  decide,
  labelRuns,
  outputLevel,
  patientLevel,
  subset,
  type CheckpointManifest,
  type CtPreprocessing,
  type PatientSource,
} from '../../index';
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
import { measure, type Measured, type Samples } from '../../report/measures';
import { evaluationPage } from '../../report/page';
import { worstCases } from '../../report/worst_cases';
import { command, options, type Args } from '../command_line';
import { fitted } from '../fit_decisions';
import { checkNewFolder, checkOutputs } from '../outputs';
import { BACKEND, CHECKPOINT, STUDY, studyOptions, TABLE } from '../options';
import { runFolders, seenPatients, type SeenPatients } from '../studies/seen_patients';
import { checkFindings, warnOfProblems } from '../studies/study_problems';
import { unseenPatients, type Unseen } from '../studies/unseen_patients';
import { progressLine, textTable } from '../terminal';
import type { LabelledPredictions } from '../../prediction/collect_predictions';

const OPTIONS = options({
  ...CHECKPOINT,
  data: { value: 'DIR', help: 'a labelled study, images or DICOM', required: true, once: true },
  ...TABLE,
  out: { value: 'FILE', default: 'report.html', help: 'file for the report' },
  patients: {
    value: 'WHICH',
    choices: ['all', 'unseen', 'validation'],
    default: 'all',
    help: 'unseen: used for neither training nor fitting, by name and by slice content; validation: those that the best epoch was chosen by',
  },
  run: { value: 'DIR', help: "the training run, for its history and split (default: the checkpoint's run)" },
  prevalence: {
    value: 'X[,X...]',
    help: 'share of patients with a label, one number or one per label, for PPV and NPV per patient (default: the share in the study)',
  },
  worst: { value: 'N', default: 12, help: 'number of slices with the largest loss to show' },
  maps: { default: true, help: 'show where the model looked in them' },
  calibrate: { help: 'fit a calibration on these patients; needs --save' },
  'calibration-method': { value: 'NAME', choices: ['temperature', 'platt'], default: 'temperature', help: 'calibration method' },
  'choose-thresholds': { help: 'choose thresholds for F2 on these patients; needs --save' },
  save: { value: 'DIR', help: 'new folder for the checkpoint with the fitted calibration and thresholds' },
  seed: { value: 'N', default: 1, help: 'seed of the bootstrap' },
  resamples: { value: 'N', default: 2000, help: 'number of bootstrap resamples' },
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
  const prevalence = prevalences(args.prevalence, loaded.labels.length);
  const seen = await seenPatients(checkpoint, run);

  const folder = args.data;
  const { layout, format } = await detectStudy(folder, { followLinks: args.followLinks });
  const study = await openStudy(folder, {
    preprocessing: loaded.preprocessing,
    labels: loaded.labels,
    table: args.table,
    ...studyOptions(args),
  });
  warnOfProblems(study);
  const chosen = await chosenPatients(args, study, seen, loaded.preprocessing);
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
    measure(samples, {
      ...options,
      ...(samples.level === 'patients' && prevalence && { prevalence }),
    }),
  );
  const warnings = warningsFor(
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
    ...(level === 'slices' && { runs: runsOf(source, predictions, thresholds) }),
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

/** The patients selected by `--patients`. */
async function chosenPatients(
  args: Args<typeof OPTIONS>,
  study: PatientSource,
  seen: SeenPatients,
  preprocessing: CtPreprocessing,
): Promise<Unseen> {
  const { patients: which } = args;
  if (which === 'all') return { patients: [...study.patients], compared: false, notes: [] };
  if (!seen.train || !seen.validation) {
    throw new ArgumentError(
      `--patients ${which}: the training run that records them was not found, see --run`,
    );
  }
  const validation = new Set(seen.validation);
  const chosen =
    which === 'unseen'
      ? await unseenPatients(args.data, study, seen, { preprocessing, ...studyOptions(args) })
      : { patients: study.patients.filter((patient) => validation.has(patient)), compared: false, notes: [] };
  if (chosen.patients.length === 0) {
    throw new ArgumentError(
      [`--patients ${which}: the study has no such patients`, ...chosen.notes].join('; '),
    );
  }
  return chosen;
}

/** Shares of patients, as given. */
function prevalences(text: string | undefined, labels: number): number[] | undefined {
  if (text === undefined) return undefined;
  const values = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const inRange = values.every((value) => value >= 0 && value <= 1);
  if (!inRange || (values.length !== 1 && values.length !== labels)) {
    throw new ArgumentError(`--prevalence: expected a number in [0, 1], or ${labels} of them, received '${text}'`); // prettier-ignore
  }
  return values.length === 1 ? Array.from({ length: labels }, () => values[0]!) : values;
}

/** Slices with their patients, or patients only. */
function samplesOf(predictions: LabelledPredictions, person: (patient: string) => string): Samples[] {
  const { level, patients, yTrue, probabilities } = predictions;
  const own = { level, yTrue, probabilities, people: patients.map(person) };
  if (level === 'patients') return [own];
  const whole = patientLevel(predictions);
  return [
    own,
    {
      level: 'patients',
      yTrue: whole.yTrue,
      probabilities: whole.probabilities,
      people: whole.patients.map(person),
    },
  ];
}

function runsOf(
  source: PatientSource,
  { patients, probabilities, labels }: LabelledPredictions,
  threshold: number[],
): Record<'truth' | 'predicted', ReturnType<typeof labelRuns>> {
  const decisions = decide(probabilities, { threshold });
  const ofPatient = new Map<string, number[][]>(source.patients.map((patient) => [patient, []]));
  patients.forEach((patient, i) => ofPatient.get(patient)!.push(decisions[i]!));
  const decided = {
    labels,
    patients: source.patients,
    sliceNames: (patient: string) => source.sliceNames(patient),
    sliceLabels: (patient: string) => ofPatient.get(patient),
  };
  return { truth: labelRuns(source), predicted: labelRuns(decided) };
}

function warningsFor(patients: readonly string[], { train, validation, fitted: fits }: SeenPatients): string[] {
  const among = (names: readonly string[] = []) => {
    const known = new Set(names);
    return patients.filter((patient) => known.has(patient)).length;
  };
  const of = `of the ${patients.length} patients evaluated here, judging by their names`;
  const warnings: string[] = [];
  if (among(fits) > 0) {
    warnings.push(`The calibration or the thresholds of this checkpoint were fitted on ${among(fits)} ${of}: the figures are optimistic. Evaluate it on other patients.`);
  }
  if (among(train) > 0) {
    warnings.push(`The model was trained on ${among(train)} ${of}: if they are the same patients, the figures are optimistic.`);
  }
  if (among(validation) > 0) {
    warnings.push(`The best epoch was chosen by ${among(validation)} ${of}: if they are the same patients, the figures are somewhat optimistic.`);
  }
  if (!train) {
    warnings.push('It is unknown which patients the model was trained on. If any are among these, the figures are optimistic.');
  }
  return warnings;
} // prettier-ignore

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
