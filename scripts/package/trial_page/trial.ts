// What the check asks the page for, on `window.trial`. Plain data goes in and comes out.
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  asymmetricLoss,
  buildCtBrainModel,
  createPreprocessing,
  f2Metric,
  FusedBatchNorm,
  FusedConv2D,
  loadCtBrainModel,
  OutOfMemoryError,
  prepareWasmBackend,
  saveCtBrainModel,
  seededRandom,
  trainPatients,
  type PatientSource,
} from 'ct-multilabel';
import { startBackend } from '../../../examples/browser/backend';

const LABELS = ['ich', 'sdh'] as const;
const [SLICES, SIZE] = [4, 32];

/** Slices whose upper half is bright where they have the first label, the left where they have the second. */
function makePatient(seed: number): { pixels: Float32Array; labels: number[][] } {
  const random = seededRandom(seed);
  const labels = Array.from({ length: SLICES }, () => LABELS.map(() => (random() < 0.5 ? 1 : 0)));
  const pixels = new Float32Array(SLICES * SIZE * SIZE);
  for (let i = 0; i < pixels.length; i++) {
    const [slice, y, x] = [Math.floor(i / SIZE / SIZE), Math.floor(i / SIZE) % SIZE, i % SIZE];
    const [ich, sdh] = labels[slice]!;
    pixels[i] = 0.3 * random() + (ich && y < SIZE / 2 ? 0.3 : 0) + (sdh && x < SIZE / 2 ? 0.3 : 0);
  }
  return { pixels, labels };
}

const { pixels, labels } = makePatient(1);
const images = () => tf.tensor5d(pixels, [1, SLICES, SIZE, SIZE, 1]);

/** A backbone whose model fits into localStorage, and whose shaders a CPU compiles in seconds. */
function smallBackbone(): tf.LayersModel {
  const kernelInitializer = tf.initializers.heNormal({ seed: 1 });
  const layers = [
    new FusedConv2D({
      filters: 8,
      kernelSize: 3,
      strides: 2,
      kernelInitializer,
      inputShape: [SIZE, SIZE, 1],
    }),
    new FusedBatchNorm({}),
    tf.layers.reLU(),
    tf.layers.maxPooling2d({ poolSize: 5 }),
    tf.layers.flatten(),
  ];
  return tf.sequential({ layers });
}

function buildModel(): tf.LayersModel {
  const model = buildCtBrainModel({ backbone: smallBackbone(), labels: LABELS, seed: 1 });
  model.compile({ optimizer: adam(1e-3), loss: asymmetricLoss(), metrics: [f2Metric()] });
  return model;
}

async function predict(model: tf.LayersModel): Promise<number[]> {
  const logits = tf.tidy(() => model.predict(images()) as tf.Tensor);
  const values = [...(await logits.data())];
  logits.dispose();
  return values;
}

async function fit(model: tf.LayersModel, epochs: number): Promise<number[]> {
  const [x, y] = [images(), tf.tensor3d([labels])];
  const { history } = await model.fit(x, y, { epochs, verbose: 0 });
  tf.dispose([x, y]);
  return history['loss'] as number[];
}

/** Patients in memory, as a page makes them of what its users open. */
function patientsInMemory(patients: readonly string[]): PatientSource<typeof LABELS> {
  const made = new Map(patients.map((patient, i) => [patient, makePatient(i)]));
  const slices = Array.from({ length: SLICES }, (_, i) => `slice ${i}`);
  return {
    labels: LABELS,
    patients,
    sliceNames: () => slices,
    sliceLabels: (patient) => made.get(patient)!.labels,
    load: async (patient) => ({
      patient,
      slices,
      images: tf.tensor4d(made.get(patient)!.pixels, [SLICES, SIZE, SIZE, 1]),
      labels: tf.tensor2d(made.get(patient)!.labels),
    }),
  };
}

let model: tf.LayersModel | undefined;

/** What comes of the model as it is: what it predicts, and how it trains on. */
async function behaviour(of: tf.LayersModel) {
  return { predictions: await predict(of), losses: await fit(of, 2), trained: await predict(of) };
}

/** What of the host's WebGPU backend the check gets at, to make the device report errors. */
interface GpuBackend {
  device: {
    limits: { maxBufferSize: number; maxStorageBufferBindingSize: number };
    createBuffer(options: { size: number; usage: number }): void;
  };
  numDataIds(): number;
}

/** The WebAssembly backend as the host starts it by itself. */
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
  const weight = tf.add(tf.ones([4096]), 1); // fewer numbers the host computes on the processor
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

const trial = {
  use: startBackend,
  host,
  beyondTheLimit,
  async fresh() {
    const built = buildModel();
    const result = await behaviour(built);
    built.dispose();
    return result;
  },
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
  async trainPatients(): Promise<number[]> {
    const [train, validation] = [patientsInMemory(['a', 'b', 'c']), patientsInMemory(['d'])];
    const history = await trainPatients(buildModel(), { train, validation, seed: 1, epochs: 2 });
    return history.map(({ loss }) => loss);
  },
};

declare global {
  interface Window {
    trial: typeof trial;
  }
}
window.trial = trial;
