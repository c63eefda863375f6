/**
 * Fits a trained model's calibration and thresholds on another hospital's labelled patients. The weights do not change.
 * Use patients that the model was not trained on, and evaluate it on others.
 */
import { asymmetricLoss, evaluatePatients, fitDecisions } from '../../index';
import { findCheckpoint, loadCheckpoint, openStudy, saveCheckpoint, useBackend } from '../../node';
import { command, options, type Args } from '../command_line';
import { checkNewFolder, checkOutputs } from '../outputs';
import { BACKEND, CHECKPOINT, STUDY, studyOptions, TABLE } from '../options';
import { seenPatients } from '../studies/seen_patients';
import { checkFindings, warnOfProblems } from '../studies/study_problems';
import { progressLine, textTable } from '../terminal';

const OPTIONS = options({
  ...CHECKPOINT,
  data: { value: 'DIR', help: "the site's labelled study, images or DICOM", required: true, once: true },
  ...TABLE,
  out: { value: 'DIR', help: 'new folder for the recalibrated model', required: true },
  calibration: { value: 'NAME', choices: ['platt', 'temperature', 'none'], default: 'platt', help: 'calibration method' },
  ...STUDY,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: ['--checkpoint runs/kaggle --data CLINIC --out runs/clinic'],
  options: OPTIONS,
  json: 'calibration, thresholds, and F2 before and after',
  run: calibrate,
});

async function calibrate(args: Args<typeof OPTIONS>): Promise<unknown> {
  const { out, calibration: method } = args;
  await checkOutputs(
    { folders: { out } },
    { studies: { data: args.data }, checkpoints: { checkpoint: args.checkpoint } },
  );
  await checkNewFolder('--out', out);
  await useBackend(args.backend);
  const checkpoint = await findCheckpoint(args.checkpoint);
  const { model, manifest } = await loadCheckpoint(checkpoint);
  const study = await openStudy(args.data, {
    preprocessing: manifest.preprocessing,
    labels: manifest.labels,
    table: args.table,
    ...studyOptions(args),
  });
  warnOfProblems(study);
  checkFindings(study, args.data);
  const seen = await seenPatients(checkpoint);
  const trained = new Set(seen.train);
  const shared = study.patients.filter((patient) => trained.has(patient));
  if (shared.length > 0) {
    console.log(
      `Note: the model was trained on ${shared.length} patients with these names; if they are the same patients, the fit is invalid`,
    );
  }

  const line = progressLine('patients');
  const decisions = await fitDecisions(model, study, {
    calibration: method === 'none' ? false : method,
    loss: asymmetricLoss(), // the loss of trainRecipe
    onProgress: ({ done, total }) => line.show(done, total),
  });
  line.end();
  const { thresholds, calibration, chosen } = decisions;
  const [before, after] = [
    await evaluatePatients(model, study, {
      threshold: manifest.thresholds,
      calibration: manifest.calibration,
    }),
    await evaluatePatients(model, study, { threshold: thresholds, calibration }),
  ];
  const rows = manifest.labels.map((label, l) => [
    label,
    ...[manifest.thresholds[l]!, before.f2PerLabel[l], thresholds[l]!, after.f2PerLabel[l]],
    chosen.guarded.includes(label) ? 'few positive patients: pooled threshold' : '',
  ]);
  console.log(textTable(['', 'threshold', 'F2', 'fitted threshold', 'F2', ''], rows));
  console.log(
    `F2 over all labels: ${before.f2.toFixed(3)} before, ${after.f2.toFixed(3)} after, on the patients used for fitting`,
  );

  const { calibration: _, ...description } = manifest;
  await saveCheckpoint(out, model, {
    ...{ ...description, thresholds, calibration },
    state: { ...seen, fitted: [...study.patients] },
  });
  await study.close();
  console.log(
    `\n${out}: the model with thresholds fitted on ${study.patients.length} patients of ${args.data}`,
  );
  return {
    checkpoint: out,
    patients: study.patients,
    labels: manifest.labels,
    thresholds,
    calibration,
    guarded: chosen.guarded,
    before,
    after,
  };
}
