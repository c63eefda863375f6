// Functions that the check calls in the page, on `window.trial`, with plain data as arguments and results.
import * as tf from '@tensorflow/tfjs';
import {
  createPreprocessing,
  loadCtBrainModel,
  OutOfMemoryError,
  prepareWasmBackend,
  saveCtBrainModel,
} from 'ct-multilabel';
import { startBackend } from '../../../examples/browser/backend';
import { behaviour, buildModel, fit, fresh, LABELS, predict, SIZE, trainOnPatients } from './work';
import type { Order, Reply } from './worker';

let model: tf.LayersModel | undefined;

/** What of the host's WebGPU backend the check gets at, to make the device report errors. */
interface GpuBackend {
  device: {
    limits: { maxBufferSize: number; maxStorageBufferBindingSize: number };
    createBuffer(options: { size: number; usage: number }): void;
  };
  numDataIds(): number;
}

/** The WebAssembly backend as started by the host. */
const host = {
  start: () => tf.setBackend('wasm'),
  prepare: () => prepareWasmBackend().catch((error: Error) => error.message),
  makeTensor: () => void tf.keep(tf.ones([1])),
  isThreaded: () => 'PThread' in (tf.backend() as unknown as { wasm: object }).wasm,
};

/** What comes of asking WebGPU for more than the device takes, and of an error that nobody caught. */
async function beyondTheLimit() {
  const { device, numDataIds } = tf.backend() as unknown as GpuBackend;
  const held = () => numDataIds.call(tf.backend());
  const message = async (work: () => unknown) => {
    try {
      await work();
      return 'no error';
    } catch (error) {
      return `${error instanceof OutOfMemoryError ? 'OutOfMemoryError' : 'another error'}: ${(error as Error).message}`;
    }
  };
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const weight = tf.add(tf.ones([4096]), 1); // the host computes fewer numbers on the CPU
  await weight.data();
  const before = held();
  const tooLarge = await message(() => tf.tidy(() => tf.fill([most / 4 + 1], 1)));
  const kept = held() - before;

  const doubtful = tf.mul(weight, 2);
  device.createBuffer({ size: maxBufferSize + 4, usage: 0x80 });
  const uncaught = await message(() => doubtful.data());
  const used = await message(() => tf.add(doubtful, 1));
  const after = tf.mul(weight, 3);
  return { tooLarge, kept, uncaught, used, after: [...new Set(await after.data())] };
}

/** What a Web Worker does by this order. It stays, as one of an application would, until the next one or `'end'`. */
async function inWorker(order: Order | 'end'): Promise<Reply | undefined> {
  worker?.terminate();
  if (order === 'end') return undefined;
  const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker = started;
  return new Promise((resolve, reject) => {
    started.onmessage = ({ data }: MessageEvent<Reply>) => resolve(data);
    started.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
    started.postMessage(order);
  });
}
let worker: Worker | undefined;

const trial = {
  use: startBackend,
  host,
  beyondTheLimit,
  fresh,
  inWorker,
  /** The reason why the page itself does not get that many threads. */
  refused: (threads: number) =>
    startBackend('wasm', { threads }).then(
      () => ({}),
      (error: Error) => ({ error: error.message }),
    ),
  async save(url: string): Promise<void> {
    model = buildModel();
    await fit(model, 2);
    await saveCtBrainModel(model, url, {
      labels: [...LABELS],
      preprocessing: createPreprocessing({ imageSize: [SIZE, SIZE] }),
      thresholds: [0.4, 0.6],
    });
  },
  async predict() {
    const built = buildModel();
    const predictions = await predict(built);
    built.dispose();
    return predictions;
  },
  /** Of the model that was saved last, which trains on by it. */
  saved: () => behaviour(model!),
  async loaded(url?: string) {
    const { files } = document.querySelector('input')!;
    const { model: read, manifest } = await loadCtBrainModel(url ?? tf.io.browserFiles([...files!]));
    return { ...(await behaviour(read)), labels: manifest.labels, thresholds: manifest.thresholds };
  },
  trainPatients: trainOnPatients,
};

declare global {
  interface Window {
    trial: typeof trial;
  }
}
window.trial = trial;
