/**
 * Fits calibration and thresholds of a finished model on another hospital's labelled patients, and writes a copy that has them:
 *
 *   npx tsx examples/calibrate.ts --checkpoint runs/kaggle --data CLINIC --out runs/clinic
 *
 * The weights stay. Use patients that the model was not trained on, and score it on others.
 */
import { readdir } from 'node:fs/promises';
import {
  ArgumentError,
  asymmetricLoss,
  evaluatePatients,
  fitDecisions,
  type CtWindowName,
} from 'ct-multilabel';
import { findCheckpoint, loadCheckpoint, openStudy, saveCheckpoint, useBackend } from 'ct-multilabel/node';
import { main, progressLine, readCommandLine, textTable } from './cli';
import { seenPatients } from './seen_patients';

const args = readCommandLine(
  'npx tsx examples/calibrate.ts --checkpoint DIR --data DIR --out DIR [options]',
  {
    checkpoint: { value: 'DIR', help: "a training's --out, or one checkpoint in it", required: true },
    data: { value: 'DIR', help: "the site's labelled study, images or DICOM", required: true },
    out: { value: 'DIR', help: 'a new folder: the model with what was fitted', required: true },
    calibration: { value: 'NAME', default: 'platt', help: 'platt, temperature or none' },
    'image-window': {
      value: 'NAME',
      help: 'the window that JPEG or PNG images show, for a model that was trained on windows of HU',
    },
    workers: { value: 'N', default: '1', help: 'threads that read and prepare slices' },
    backend: { value: 'NAME', default: 'auto', help: 'auto, tensorflow, webgpu, wasm or cpu' },
  },
);

await main(async () => {
  const [out, method] = [args.text('out'), args.text('calibration')];
  if (!['platt', 'temperature', 'none'].includes(method)) {
    throw new ArgumentError(`--calibration: expected platt, temperature or none, received '${method}'`);
  }
  if ((await readdir(out).catch(() => [])).length > 0) {
    throw new ArgumentError(`--out: expected a new or empty folder, received '${out}'`);
  }
  await useBackend(args.text('backend') as 'auto');
  const checkpoint = await findCheckpoint(args.text('checkpoint'));
  const { model, manifest } = await loadCheckpoint(checkpoint);
  const imageWindow = args.optional('image-window');
  const study = await openStudy(args.text('data'), {
    preprocessing: manifest.preprocessing,
    labels: manifest.labels,
    workers: args.integer('workers'),
    ...(imageWindow !== undefined && { imageWindow: imageWindow as CtWindowName }),
  });
  const seen = await seenPatients(checkpoint);
  const trained = new Set(seen.train);
  const shared = study.patients.filter((patient) => trained.has(patient));
  if (shared.length > 0) {
    console.log(
      `Note: the model was trained on ${shared.length} patients of these names; if they are the same, what is fitted is wrong`,
    );
  }

  const line = progressLine('patients');
  const decisions = await fitDecisions(model, study, {
    calibration: method === 'none' ? false : (method as 'platt'),
    loss: asymmetricLoss(), // what trainRecipe trains with
    onProgress: ({ done, total }) => line.show(done, total),
  });
  line.end();
  const { thresholds, calibration, chosen } = decisions;
  const [before, after] = [
    await evaluatePatients(model, study, {
      thresholds: manifest.thresholds,
      calibration: manifest.calibration,
    }),
    await evaluatePatients(model, study, { thresholds, calibration }),
  ];
  const rows = manifest.labels.map((label, l) => [
    label,
    ...[manifest.thresholds[l]!, before.f2PerLabel[l], thresholds[l]!, after.f2PerLabel[l]],
    chosen.guarded.includes(label) ? 'few positive patients: of all labels' : '',
  ]);
  console.log(textTable(['', 'threshold', 'F2', 'fitted threshold', 'F2', ''], rows));
  console.log(
    `F2 of all labels: ${before.f2.toFixed(3)} before, ${after.f2.toFixed(3)} after, on the patients fitted on`,
  );

  const { calibration: _, ...description } = manifest;
  await saveCheckpoint(out, model, {
    ...{ ...description, thresholds, ...(calibration && { calibration }) },
    state: { ...seen, fitted: [...study.patients] },
  });
  await study.close();
  console.log(
    `\n${out}: the model with thresholds of ${study.patients.length} patients of ${args.text('data')}`,
  );
});
