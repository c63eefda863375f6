/**
 * Predicts with what a training wrote:
 *
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --patient data/train/ID_001
 *   npx tsx examples/predict.ts --checkpoint runs/kaggle --data data --kaggle submission.csv
 */
import { predictPatients, type SlicePrediction } from 'ct-multilabel';
import {
  loadCheckpoint,
  openKaggleFolder,
  openPatientFolder,
  useBackend,
  writeProbabilities,
  writeSubmission,
} from 'ct-multilabel/node';
import { main, readCommandLine, textTable } from './cli';

const args = readCommandLine(
  'npx tsx examples/predict.ts --checkpoint DIR (--patient DIR | --data DIR) [options]',
  {
    checkpoint: { value: 'DIR', help: "a training's --out, or one checkpoint in it", required: true },
    patient: { value: 'DIR', help: "one patient's folder of slices" },
    data: { value: 'DIR', help: "a folder in the challenge's layout; labels are not needed" },
    images: { value: 'NAME', help: 'folder of patients inside --data, e.g. test' },
    out: { value: 'FILE', help: 'write dirname,ID and a probability per label' },
    kaggle: { value: 'FILE', help: "write the challenge's submission: ID,prediction" },
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
  const { preprocessing, labels, thresholds } = manifest;
  const source = patient
    ? await openPatientFolder(patient, { preprocessing, labels })
    : await openKaggleFolder(data!, {
        preprocessing,
        labels,
        requireLabels: false,
        ...(images && { images }),
      });

  const predictions: SlicePrediction[] = [];
  for await (const slices of predictPatients(model, source, { thresholds })) {
    predictions.push(...slices);
    if (args.on('quiet')) continue;
    const rows = slices.map(({ slice, probabilities, decisions }) => [
      slice,
      ...probabilities,
      labels.filter((_, i) => decisions[i] === 1).join(' ') || '-',
    ]);
    console.log(`\n${slices[0]?.patient}\n${textTable(['slice', ...labels, 'found'], rows)}`);
  }
  const [out, kaggle] = ['out', 'kaggle'].map(args.optional);
  if (out) await writeProbabilities(out, predictions, labels);
  if (kaggle) await writeSubmission(kaggle, predictions, labels);
  console.log(`\n${predictions.length} slices of ${source.patients.length} patients`);
});
