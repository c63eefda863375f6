// The model: from the page's own folder, from files, or stored in this browser.
import * as tf from '@tensorflow/tfjs';
import { CT_LABEL_NAMES, loadCtBrainModel, outputLevel } from 'ct-multilabel';
import type { ModelInfo, ModelOrigin } from '../protocol';
import { computing } from './backend';
import { builtFrom } from './built_from';
import type { Running } from './running';

type Loaded = Awaited<ReturnType<typeof loadCtBrainModel>>;

/** The model in use. */
export interface OpenedModel extends Pick<Loaded, 'model' | 'manifest'> {
  info: ModelInfo;
  /** Its files, for storing it. */
  load: () => Promise<tf.io.ModelArtifacts>;
}

const STORE = 'indexeddb://ct-multilabel-viewer/';

const NAMES: Readonly<Record<string, string>> = CT_LABEL_NAMES;

let current: OpenedModel | undefined;

export function openedModel(): OpenedModel {
  if (current === undefined) throw new Error('no model is open');
  return current;
}

/** Replaces the model; if the new one cannot be read, the old one is kept. */
export async function openModel({ say }: Running, origin: ModelOrigin): Promise<ModelInfo> {
  say({ text: 'Opening the model' });
  await computing();
  const { handler, from } = handlerOf(origin);
  const load = () => handler.load!();
  const artifacts = await load();
  const { model, manifest } = await loadCtBrainModel(
    { load: async () => artifacts },
    { includeOptimizer: false },
  );
  const info = await describe(model, manifest, artifacts, { from, isSample: 'bundled' in origin });
  current?.model.dispose();
  current = { model, manifest, info, load };
  return info;
}

/** Names of the models stored in this browser. */
export async function storedModels(): Promise<string[]> {
  const kept = Object.keys(await tf.io.listModels()).filter((url) => url.startsWith(STORE));
  return kept.map((url) => url.slice(STORE.length)).sort();
}

/** Stores the open model unchanged. */
export async function storeModel({ say }: Running, name: string): Promise<string[]> {
  say({ text: 'Keeping the model in this browser' });
  const [handler] = tf.io.getSaveHandlers(STORE + name);
  await handler!.save!(await openedModel().load());
  return storedModels();
}

function handlerOf(origin: ModelOrigin): { handler: tf.io.IOHandler; from: string } {
  if ('bundled' in origin) return { handler: tf.io.http(origin.bundled), from: 'this page' };
  if ('stored' in origin)
    return { handler: tf.io.getLoadHandlers(STORE + origin.stored)[0]!, from: 'this browser' };
  const json = origin.files.filter(({ name }) => name.endsWith('.json'));
  const weights = origin.files.filter(({ name }) => name.endsWith('.bin'));
  if (json.length !== 1 || weights.length === 0) {
    const names = origin.files.map(({ name }) => name).join(', ') || 'none';
    throw new Error(`a checkpoint is its model.json and weights.bin, opened together; these came: ${names}`);
  }
  return { handler: tf.io.browserFiles([json[0]!, ...weights]), from: 'files' };
}

async function describe(
  model: tf.LayersModel,
  manifest: Loaded['manifest'],
  artifacts: tf.io.ModelArtifacts,
  { from, isSample }: { from: string; isSample: boolean },
): Promise<ModelInfo> {
  const { labels, thresholds, calibration, preprocessing, training, versions, checksums } = manifest;
  const { variant, backbone, ...built } = manifest.model;
  const level = outputLevel(model);
  const { windows, imageSize, clahe, neighbors } = preprocessing;
  const sums = checksums ?? { description: 'unknown', weights: await shortHash(artifacts) };
  const takes = windows === false ? 'pictures in 0..1' : windows.map(({ center, width }) => `${center}/${width} HU`).join(', '); // prettier-ignore
  return {
    // name and version as in `ct-multilabel predict --dicom-out`
    name: `ct-multilabel ${builtFrom(manifest.model)}`.slice(0, 64),
    version: `${sums.description}-${sums.weights}`,
    ...{ labels, thresholds, level, isSample },
    names: labels.map((label) => NAMES[label] ?? label),
    card: [
      ['Use', 'Research use only. Not a medical device: not for diagnosis, and not for decisions on patients.'],
      ['Opened from', from],
      ['Built from', [variant, backbone].filter((part) => typeof part === 'string').join(' over ') || 'not recorded'],
      ...Object.entries(built).map(([key, value]): [string, string] => [words(key), typeof value === 'string' ? value : JSON.stringify(value)]),
      ['Weights', model.countParams().toLocaleString('en')],
      ['Output', level === 'slices' ? 'a probability per slice and label' : 'a probability per patient and label'],
      ['Labels', labels.map((label, k) => `${label} from ${thresholds[k]!.toFixed(3)} on`).join(', ')],
      ['Calibration', calibration ? `${calibration.method}, fitted on validation patients` : 'none: probabilities are as the model gives them'],
      ['It sees', `${takes}, ${imageSize[1]} × ${imageSize[0]} pixels${clahe === false ? '' : ', CLAHE'}${neighbors === 0 ? '' : `, ${neighbors} neighbours on each side`}`],
      ...(training ? [['Kept epoch', `${training.stage}, epoch ${training.epoch}, validation F2 ${training.validationF2.toFixed(3)}`] as [string, string]] : []),
      ['Written by', `ct-multilabel ${versions['ct-multilabel']}, TensorFlow.js ${versions.tfjs}`],
      ['Checksum', `${sums.description}-${sums.weights}`],
    ],
  }; // prettier-ignore
}

/** Identifies the weights of a model that was saved without checksums. */
async function shortHash({ weightData }: tf.io.ModelArtifacts): Promise<string> {
  const parts = Array.isArray(weightData) ? weightData : [weightData!];
  const bytes = await new Blob(parts).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).subarray(0, 8);
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `trainedOn` as 'Trained on'. */
const words = (key: string): string => {
  const text = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return text.charAt(0).toUpperCase() + text.slice(1);
};
