// Trains, predicts, saves and opens a model in the page; nothing leaves the browser.
import * as tf from '@tensorflow/tfjs';
import {
  CT_LABELS,
  evaluatePatients,
  loadCtBrainModel,
  patientLabels,
  predictPatients,
  saveCtBrainModel,
  trivialPredictors,
  type CheckpointDescription,
  type CtBrainModel,
  type CtLabels,
  type CtPreprocessing,
  type EpochLog,
  type PatientSource,
  type PredictedSlice,
} from 'ct-multilabel';
import { BACKENDS, startBackend, type Backend } from './backend';
import { makePatients, PREPROCESSING, train, type Watch } from './recipe';
import { showPatient } from './view';

const STORE = 'indexeddb://ct-multilabel-example';

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const [patients, epochs] = [element<HTMLInputElement>('patients'), element<HTMLInputElement>('epochs')];
const [backend, shown] = [element<HTMLSelectElement>('backend'), element<HTMLSelectElement>('shown')];
const [status, progress] = [element('status'), element<HTMLProgressElement>('progress')];
const files = element<HTMLInputElement>('files');

/** The model of the page, its description, and patients to show. */
interface Current {
  model: CtBrainModel<CtLabels>;
  /** Preprocessing, thresholds and calibration, which are saved with it. */
  description: CheckpointDescription;
  test: PatientSource<CtLabels>;
}
let current: Current | undefined;
let predictions = new Map<string, PredictedSlice<CtLabels>[]>();

for (const name of BACKENDS) backend.add(new Option(name));
onClick('train', async () => {
  element('epochs-done').replaceChildren();
  await startBackend(backend.value as Backend);
  const training = await make('training', PREPROCESSING);
  const watch = { onProgress: showProgress, onExtract: showExtraction, onEpochEnd: addEpoch };
  const { model, description } = await train(training, epochs.valueAsNumber, watch);
  await use(model as CtBrainModel<CtLabels>, description);
});
onClick('save', () => save(STORE));
onClick('download', () => save('downloads://ct-multilabel-example'));
onClick('open', () => open(STORE));
files.addEventListener('change', () => run(() => open(tf.io.browserFiles([...files.files!]))));
shown.addEventListener('change', () => run(showChosen));
status.textContent = 'Ready.';

function onClick(id: string, action: () => Promise<void>): void {
  element(id).addEventListener('click', () => run(action));
}

/** Runs one action at a time; errors are shown on the page. */
async function run(action: () => Promise<void>): Promise<void> {
  const controls = element<HTMLFieldSetElement>('controls');
  controls.disabled = true;
  try {
    await action();
  } catch (error) {
    status.textContent = (error as Error).message;
    console.error(error);
  } finally {
    progress.hidden = true;
    controls.disabled = false;
    for (const id of ['save', 'download']) element<HTMLButtonElement>(id).disabled = current === undefined;
  }
}

/** Patients to train on, as many as the page asks for, or a fifth of that to evaluate on. */
function make(of: 'training' | 'test', preprocessing: CtPreprocessing): Promise<Current['test']> {
  const count = of === 'training' ? patients.valueAsNumber : Math.ceil(patients.valueAsNumber / 5);
  return makePatients(count, of, preprocessing, (made) => {
    show(made / count);
    say(`Making ${of} patient ${made} of ${count} …`);
  });
}

/** Replaces the model, and shows its score. */
async function use(model: Current['model'], description: CheckpointDescription): Promise<void> {
  const test = await make('test', description.preprocessing);
  current?.model.dispose();
  current = { model, description, test };
  const { thresholds: threshold = 0.5, calibration } = description;
  const decisions = { threshold, calibration };
  const { f2 } = await evaluatePatients(model, test, decisions);
  const [allPositive] = trivialPredictors(test, test, 1);
  predictions = new Map();
  for await (const slices of predictPatients(model, test, decisions))
    predictions.set(slices[0]!.patient, slices);
  shown.replaceChildren(...test.patients.map((patient) => new Option(patient)));
  shown.value = mostFindings(test);
  await showChosen();
  say(
    `F2 ${f2.toFixed(3)} on ${test.patients.length} patients that it was not trained on; ` +
      `${allPositive!.f2.toFixed(3)} for saying yes to everything.`,
  );
}

/** The patient with the most different labels. */
function mostFindings(source: PatientSource): string {
  const count = (patient: string) => patientLabels(source, patient).reduce((sum, label) => sum + label, 0);
  return [...source.patients].sort((a, b) => count(b) - count(a))[0]!;
}

const showChosen = () => showPatient(element('slices'), current!.test, predictions.get(shown.value)!);

async function save(url: string): Promise<void> {
  const { model, description } = current!;
  await saveCtBrainModel(model, url, description);
  say(url === STORE ? 'Saved in this browser: it is there after the page was closed.' : 'Downloaded.');
}

async function open(from: tf.io.IOHandler | string): Promise<void> {
  await startBackend(backend.value as Backend);
  const { model, manifest } = await loadCtBrainModel(from);
  const { labels } = manifest;
  if (labels.join() !== CT_LABELS.join()) throw new Error(`This is a model of ${labels.join(', ')}.`);
  await use(model as Current['model'], manifest);
}

function showProgress({ stage, epoch, epochs, step, steps }: Parameters<Watch['onProgress']>[0]): void {
  show((epoch - 1 + step / steps) / epochs);
  say(`${stage}: epoch ${epoch} of ${epochs}, step ${step} of ${steps}`);
}

function showExtraction({ done, total }: { done: number; total: number }): void {
  show(done / total);
  say(`features of patient ${done} of ${total}`);
}

function addEpoch({ stage, epoch, loss, validationF2, seconds }: EpochLog): void {
  const row = document.createElement('tr');
  for (const text of [stage, epoch, loss.toFixed(4), validationF2.toFixed(3), `${seconds.toFixed(1)} s`]) {
    row.insertCell().textContent = String(text);
  }
  element('epochs-done').append(row);
}

function show(fraction: number): void {
  progress.hidden = false;
  progress.value = fraction;
}

function say(text: string): void {
  status.textContent = text;
}
