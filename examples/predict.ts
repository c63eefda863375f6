/**
 * Predicts with what a training wrote:
 *
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --patient data/train/ID_001
 *   npx tsx examples/predict.ts --checkpoint runs/dicom --patient study/of/dicom/files
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --data data --kaggle submission.csv
 */
import {
  ArgumentError,
  outputLevel,
  predictPatientLevel,
  predictPatients,
  type CtWindowName,
  type PatientPrediction,
  type SlicePrediction,
} from 'ct-multilabel';
import {
  loadCheckpoint,
  openStudy,
  useBackend,
  writePatientProbabilities,
  writeProbabilities,
  writeRsnaSubmission,
  writeSubmission,
} from 'ct-multilabel/node';
import { ALLOW, allowed, main, readCommandLine, textTable } from './cli';
import { warnOfProblems } from './study_problems';

const args = readCommandLine(
  'npx tsx examples/predict.ts --checkpoint DIR (--patient DIR | --data DIR) [options]',
  {
    checkpoint: { value: 'DIR', help: "a training's --out, or one checkpoint in it", required: true },
    patient: { value: 'DIR', help: "one patient's folder of slices, images or DICOM" },
    data: { value: 'DIR', help: "a folder in the challenge's layout, or of DICOM; labels are not needed" },
    images: { value: 'NAME', help: 'folder of patients inside --data, e.g. test' },
    'image-window': {
      value: 'NAME',
      help: 'the window that JPEG or PNG images show, for a model that was trained on windows of HU',
    },
    out: {
      value: 'FILE',
      help: 'write dirname,ID and a probability per label; of a patient-level model patient,…',
    },
    kaggle: { value: 'FILE', help: "write the challenge's submission: ID,prediction" },
    rsna: { value: 'FILE', help: "write RSNA's submission: ID,Label" },
    mirror: { default: 'off', help: 'look at the slices left to right too, and take the mean of the logits' },
    allow: ALLOW,
    'skip-bad': { default: 'off', help: 'leave out what cannot be read or has an error' },
    workers: { value: 'N', default: '1', help: 'threads that read and prepare slices' },
    backend: { value: 'NAME', default: 'auto', help: 'auto, tensorflow, webgpu, wasm or cpu' },
    quiet: { default: 'off', help: 'do not print the table' },
  },
);

await main(async () => {
  const [patient, data, images] = ['patient', 'data', 'images'].map(args.optional);
  if ((patient === undefined) === (data === undefined)) {
    console.error('Give either --patient or --data. See --help.');
    process.exitCode = 2;
    return;
  }
  await useBackend(args.text('backend') as 'auto');
  const { model, manifest } = await loadCheckpoint(args.text('checkpoint'));
  const { preprocessing, labels, thresholds, calibration } = manifest;
  const options = {
    thresholds,
    calibration,
    ...(args.on('mirror') && { flips: ['horizontal'] as const }),
  };
  const imageWindow = args.optional('image-window');
  const source = await openStudy((patient ?? data)!, {
    preprocessing,
    labels,
    requireLabels: false,
    workers: args.integer('workers'),
    ...(images !== undefined && { images }),
    ...(imageWindow !== undefined && { imageWindow: imageWindow as CtWindowName }),
    onBadFile: args.on('skip-bad') ? 'skip' : 'throw',
    ...allowed(args.optional('allow')),
  });
  warnOfProblems(source);
  const found = (decisions: readonly number[]) =>
    labels.filter((_, i) => decisions[i] === 1).join(' ') || '-';
  const [out, kaggle, rsna] = ['out', 'kaggle', 'rsna'].map(args.optional);

  if (outputLevel(model) === 'patients') {
    if (kaggle || rsna) throw new ArgumentError('the model predicts patients, and these files are of slices');
    const predictions: PatientPrediction[] = [];
    for await (const prediction of predictPatientLevel(model, source, options)) predictions.push(prediction);
    const rows = predictions.map(({ patient: id, probabilities, decisions }) => [
      id,
      ...probabilities,
      found(decisions),
    ]);
    if (!args.on('quiet')) console.log(`\n${textTable(['patient', ...labels, 'found'], rows)}`);
    if (out) await writePatientProbabilities(out, predictions, labels);
    console.log(`\n${predictions.length} patients`);
  } else {
    const predictions: SlicePrediction[] = [];
    for await (const slices of predictPatients(model, source, options)) {
      predictions.push(...slices);
      if (args.on('quiet')) continue;
      const rows = slices.map(({ slice, probabilities, decisions }) => [
        slice,
        ...probabilities,
        found(decisions),
      ]);
      console.log(`\n${slices[0]?.patient}\n${textTable(['slice', ...labels, 'found'], rows)}`);
    }
    if (out) await writeProbabilities(out, predictions, labels);
    if (kaggle) await writeSubmission(kaggle, predictions, labels);
    if (rsna) await writeRsnaSubmission(rsna, predictions, labels);
    console.log(`\n${predictions.length} slices of ${source.patients.length} patients`);
  }
  await source.close();
});
