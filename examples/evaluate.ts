/**
 * Evaluates a checkpoint on a labelled study, and writes a report: one HTML file with figures, charts, pictures and a model card.
 *
 *   npx tsx examples/evaluate.ts --checkpoint runs/demo/run --data runs/demo/study --patients unseen --out report.html
 *
 * With --save it first fits a calibration, thresholds or both on these patients, and writes a checkpoint that has them:
 *
 *   npx tsx examples/evaluate.ts --checkpoint runs/demo/run --data runs/demo/study --patients validation \
 *     --calibrate --choose-thresholds --save runs/demo/decided
 *   npx tsx examples/evaluate.ts --checkpoint runs/demo/decided --run runs/demo/run --data runs/demo/study --patients unseen
 */
import { readdir } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  ArgumentError,
  collectPredictions,
  decide,
  labelRuns,
  outputLevel,
  patientLevel,
  subset,
  type CheckpointManifest,
  type CtWindowName,
  type LabelledPredictions,
  type LabelRuns,
  type PatientSource,
} from 'ct-multilabel';
import {
  detectStudy,
  findCheckpoint,
  loadCheckpoint,
  openStudy,
  readTrainingHistory,
  saveCheckpoint,
  useBackend,
  writeFileAtomic,
} from 'ct-multilabel/node';
import { ALLOW, allowed, main, progressLine, readCommandLine, textTable } from './cli';
import { fitted } from './fit_decisions';
import { interval } from './report_html';
import { worstCases } from './report_images';
import { measure, type Measured, type Samples } from './report_measures';
import { evaluationPage } from './report_page';
import { runFolders, seenPatients, type SeenPatients } from './seen_patients';
import { warnOfProblems } from './study_problems';

const args = readCommandLine('npx tsx examples/evaluate.ts --checkpoint DIR --data DIR [options]', {
  checkpoint: { value: 'DIR', help: "a training's --out, or one checkpoint in it", required: true },
  data: { value: 'DIR', help: 'a labelled study, images or DICOM', required: true },
  out: { value: 'FILE', default: 'report.html', help: 'where the report goes' },
  patients: {
    value: 'WHICH',
    default: 'all',
    help: 'all; unseen: neither trained nor fitted on; validation: those that the best epoch was chosen by',
  },
  run: { value: 'DIR', help: 'the training run, for its history and split (default: where the checkpoint lies)' },
  prevalence: {
    value: 'X[,X...]',
    help: 'share of patients that have a label, one for all or one each, for PPV and NPV of patients (default: the share in the study)',
  },
  worst: { value: 'N', default: '12', help: 'slices to show, those with the largest loss' },
  maps: { default: 'on', help: 'show where the model looked on them' },
  calibrate: { default: 'off', help: 'fit a calibration on these patients; needs --save' },
  'calibration-method': { value: 'NAME', default: 'temperature', help: 'temperature or platt' },
  'choose-thresholds': { default: 'off', help: 'choose thresholds for F2 on these patients; needs --save' },
  save: { value: 'DIR', help: 'a new folder: the checkpoint with what was fitted' },
  'image-window': {
    value: 'NAME',
    help: 'the window that JPEG or PNG images show, for a model that was trained on windows of HU',
  },
  seed: { value: 'N', default: '1', help: 'seed of the bootstrap' },
  resamples: { value: 'N', default: '2000', help: 'resamples of the bootstrap' },
  date: { value: 'TEXT', help: 'a date to write into the report (default: none, so that equal input gives equal files)' },
  mirror: { default: 'off', help: 'look at the slices left to right too, and take the mean of the logits' },
  allow: ALLOW,
  'skip-bad': { default: 'off', help: 'leave out what cannot be read or has an error' },
  workers: { value: 'N', default: '1', help: 'threads that read and prepare slices' },
  backend: { value: 'NAME', default: 'auto', help: 'auto, tensorflow, webgpu, wasm or cpu' },
}); // prettier-ignore

await main(async () => {
  const [calibrate, choose] = [args.on('calibrate'), args.on('choose-thresholds')];
  const save = args.optional('save');
  if ((calibrate || choose) !== (save !== undefined)) {
    throw new ArgumentError('--calibrate and --choose-thresholds need --save, and it needs one of them');
  }
  if (save !== undefined && (await readdir(save).catch(() => [])).length > 0) {
    throw new ArgumentError(`--save: expected a new or empty folder, received '${save}'`);
  }
  await useBackend(args.text('backend') as 'auto');
  const checkpoint = await findCheckpoint(args.text('checkpoint'));
  const { model, manifest: loaded } = await loadCheckpoint(checkpoint);
  const prevalence = prevalences(loaded.labels.length);
  const seen = await seenPatients(checkpoint, args.optional('run'));

  const [folder, imageWindow] = [args.text('data'), args.optional('image-window')];
  const { layout, format } = await detectStudy(folder);
  const study = await openStudy(folder, {
    preprocessing: loaded.preprocessing,
    labels: loaded.labels,
    workers: args.integer('workers'),
    ...(imageWindow !== undefined && { imageWindow: imageWindow as CtWindowName }),
    onBadFile: args.on('skip-bad') ? 'skip' : 'throw',
    ...allowed(args.optional('allow')),
  });
  warnOfProblems(study);
  const source = subset(study, chosenPatients(study, seen));

  // a model of slices is scored on patients alone where only those are labelled
  const byOutput = outputLevel(model);
  const labelled = source.patients.every((patient) => source.sliceLabels(patient) !== undefined);
  const level = byOutput === 'slices' && !labelled ? 'patients' : byOutput;
  const line = progressLine('patients');
  const predict = (calibration: CheckpointManifest['calibration']) =>
    collectPredictions(model, source, {
      level,
      calibration,
      ...(args.on('mirror') && { flips: ['horizontal'] as const }),
      onProgress: ({ done, total }) => line.show(done, total),
    });
  const { manifest, predictions } =
    save === undefined
      ? { manifest: loaded, predictions: await predict(loaded.calibration) }
      : await fitted(loaded, predict, { calibrate, choose, method: args.text('calibration-method') });
  line.end();
  if (save !== undefined) {
    const fittedOn = [...new Set([...(seen.fitted ?? []), ...source.patients])];
    await saveCheckpoint(save, model, { ...manifest, state: { fitted: fittedOn } });
    console.log(`${save}: the checkpoint with what was fitted on ${source.patients.length} patients`);
    seen.fitted = fittedOn;
  }

  const person = (patient: string) => source.groupOf?.(patient) ?? patient;
  const [seed, resamples] = [args.integer('seed'), args.integer('resamples')];
  const { labels, thresholds } = manifest;
  const options = { labels, thresholds, seed, resamples };
  const measured = samplesOf(predictions, person).map((samples) =>
    measure(samples, {
      ...options,
      ...(samples.level === 'patients' && prevalence && { prevalence }),
    }),
  );
  const warnings = warningsFor(source.patients, seen);
  const run = args.optional('run');
  const cases = await worstCases(model, source, predictions, {
    count: args.integer('worst'),
    maps: args.on('maps'),
  });
  const epochs = await firstHistory(run === undefined ? runFolders(checkpoint) : [run]);
  const date = args.optional('date');
  const text = await evaluationPage({
    checkpoint: args.text('checkpoint'),
    manifest,
    level: byOutput,
    study: {
      folder,
      kind: `${layout} layout, ${format === 'dicom' ? 'DICOM' : 'JPEG or PNG images'}`,
      chosen: `${args.text('patients')} patients`,
      patients: source.patients.length,
      people: new Set(source.patients.map(person)).size,
      slices: source.patients.reduce((sum, patient) => sum + source.sliceNames(patient).length, 0),
    },
    warnings,
    measured,
    resamples,
    seed,
    worst: { level, cases },
    ...(epochs && { epochs }),
    ...(date !== undefined && { date }),
    ...(level === 'slices' && { runs: runsOf(source, predictions, thresholds) }),
  });
  await study.close();
  await writeFileAtomic(args.text('out'), text);
  printSummary(measured, warnings);
});

/** The patients that `--patients` names. */
function chosenPatients(study: PatientSource, seen: SeenPatients): string[] {
  const which = args.text('patients');
  if (which === 'all') return [...study.patients];
  if (which !== 'unseen' && which !== 'validation') {
    throw new ArgumentError(`--patients: expected all, unseen or validation, received '${which}'`);
  }
  if (!seen.train || !seen.validation) {
    throw new ArgumentError(`--patients ${which}: the run that tells them is not there, see --run`);
  }
  const validation = new Set(seen.validation);
  const known = new Set([...seen.train, ...seen.validation, ...(seen.fitted ?? [])]);
  const chosen = study.patients.filter((p) => (which === 'unseen' ? !known.has(p) : validation.has(p)));
  if (chosen.length === 0) throw new ArgumentError(`--patients ${which}: the study has none`);
  return chosen;
}

/** Shares of patients, as stated. */
function prevalences(labels: number): number[] | undefined {
  const text = args.optional('prevalence');
  if (text === undefined) return undefined;
  const values = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const inRange = values.every((value) => value >= 0 && value <= 1);
  if (!inRange || (values.length !== 1 && values.length !== labels)) {
    throw new ArgumentError(`--prevalence: expected a number in [0, 1], or ${labels} of them, received '${text}'`); // prettier-ignore
  }
  return values.length === 1 ? Array.from({ length: labels }, () => values[0]!) : values;
}

/** Slices and the patients that they are of, or patients alone. */
function samplesOf(predictions: LabelledPredictions, person: (patient: string) => string): Samples[] {
  const { level, rows, patients, yTrue, probabilities } = predictions;
  const own = { level, yTrue, probabilities, people: patients.map(person) };
  if (level === 'patients') return [own];
  const whole = patientLevel(rows);
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
  { rows, labels }: LabelledPredictions,
  thresholds: number[],
): { truth: LabelRuns; predicted: LabelRuns } {
  const probabilities = rows.map((row) => [...row.probabilities]);
  const decisions = tf.tidy(() => decide(tf.tensor2d(probabilities), thresholds).arraySync() as number[][]);
  const ofPatient = new Map<string, number[][]>(source.patients.map((patient) => [patient, []]));
  rows.forEach(({ patient }, i) => ofPatient.get(patient)!.push(decisions[i]!));
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
    warnings.push(`The calibration or the thresholds of this checkpoint were fitted on ${among(fits)} ${of}: the figures are too good. Evaluate it on other patients.`);
  }
  if (among(train) > 0) {
    warnings.push(`The model was trained on ${among(train)} ${of}: if they are the same patients, the figures are too good.`);
  }
  if (among(validation) > 0) {
    warnings.push(`The best epoch was chosen by ${among(validation)} ${of}: if they are the same patients, the figures are somewhat too good.`);
  }
  if (!train) {
    warnings.push('Which patients the model was trained on is not known here. If any are among these, the figures are too good.');
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
  const rows = measured.map(({ level, yTrue, f2, allPositive, difference }) => [
    level,
    String(yTrue.length),
    ...[f2, allPositive, difference].map(interval),
  ]);
  const header = ['decisions on', 'number', 'F2 [95%]', 'F2 if all positive [95%]', 'difference [95%]'];
  console.log(`\n${textTable(header, rows)}\n`);
  for (const warning of warnings) console.log(`Note: ${warning}`);
  console.log(args.text('out'));
}
