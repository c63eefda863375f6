/**
 * Slices of real head CT from their JPEG files to the training step, on the calling thread and on worker threads, compared with
 * the same work by sharp and OpenCV; and the share of time that the training step waits for them.
 *
 *   CT_MULTILABEL_DATA=DIR npx tsx bench/streaming.bench.ts
 *
 * `DIR` holds `ct-ich/` in the challenge's layout. Both sides prepare whole patients, as many under way at once, decode as many files
 * at once, and end with the tensor that a training step takes. Ours alone looks at the kind of image first, and checks the range of its values.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  applyAugmentation,
  asymmetricLoss,
  buildCtBrainModel,
  createPreprocessing,
  deriveSeed,
  disposeStack,
  drawAugmentation,
  prefetchPatients,
  subset,
  trainStep,
  type PatientSource,
  type PatientStack,
} from 'ct-multilabel';
import { openKaggleFolder, useBackend } from 'ct-multilabel/node';
import { prefetch } from '../src/data/sources/prefetch';
import { compare, figure, report, skip } from './compare';
import { openCv, type OpenCv } from './opencv';
import { prepareWithOpenCv, STEPS, type PreparedStack, type Step } from './opencv_slices';

const data = process.env.CT_MULTILABEL_DATA;
if (data === undefined || data === '') {
  skip('slices from files', 'CT_MULTILABEL_DATA is not set');
  process.exit(0);
}
const folder = path.join(data, 'ct-ich');
const PATIENTS = 6;
const PATIENTS_TRAINED_ON = 20;
await useBackend('wasm');
const cv = await openCv();

for (const step of STEPS) {
  for (const workers of [0, 1, 2]) {
    const ours = await open(step, workers);
    const patients = ours.patients.slice(0, PATIENTS);
    const count = patients.reduce((sum, patient) => sum + ours.sliceNames(patient).length, 0);
    const files = await Promise.all(patients.map(filesOf));
    const peer = cv && (await openCvPeer(cv, workers, step));
    const where = workers === 0 ? 'calling thread' : `${workers} worker${workers > 1 ? 's' : ''}`;
    const { ours: own, peers } = await compare(
      `${step}, ${where}`,
      {
        'ct-multilabel': () =>
          over(
            patients,
            workers,
            (patient) => (step === 'augmentation' ? loadAugmented(ours, patient) : ours.load(patient)),
            disposeStack,
          ),
        'sharp and opencv-js': peer && (() => over(files, workers, peer.run, (images) => images.dispose())),
      },
      { rounds: 3, per: { count, unit: 'slice' } },
    );
    const perSecond = (ms: number | null | undefined) => (ms ? figure(1000 / ms) : '-');
    report({
      what: `${step}, ${where}: slices a second`,
      value: `${perSecond(own.ms)}; sharp and opencv-js ${perSecond(peers[0]?.ms)}`,
    });
    await ours.close();
    await peer?.close();
  }
}

// memory, independent of the number of patients
{
  const source = await open('augmentation', 1);
  const peaks: number[] = [];
  let peak = 0;
  for await (const stack of prefetchPatients(source, source.patients)) {
    disposeStack(stack);
    peak = Math.max(peak, process.memoryUsage().rss);
    peaks.push(peak);
  }
  const mib = (count: number) => `${Math.round(peaks[count - 1]! / 2 ** 20)} MiB after ${count} patients`;
  report({ what: 'largest process memory, 1 worker', value: [10, 30, peaks.length].map(mib).join(', ') });
  await source.close();
}

// waiting time of a training step
const cache = await mkdtemp(path.join(tmpdir(), 'slices-'));
try {
  for (const [workers, cacheFolder] of [[0], [1], [2], [1, cache]] as [number, string?][]) {
    const source = await open('augmentation', workers, cacheFolder);
    if (cacheFolder)
      for (const patient of source.patients.slice(0, PATIENTS_TRAINED_ON))
        disposeStack(await source.load(patient));
    const { total, waited } = await trainingWait(
      subset(source, source.patients.slice(0, PATIENTS_TRAINED_ON)),
    );
    const where = workers === 0 ? 'calling thread' : `${workers} worker${workers > 1 ? 's' : ''}`;
    report({
      what: `an epoch of SqueezeNet waits for slices, ${where}${cacheFolder ? ', cached' : ''}`,
      value: `${figure((100 * waited) / total)}% of ${figure(total / 1000)} s`,
    });
    await source.close();
  }
} finally {
  await rm(cache, { recursive: true, force: true });
}
process.exit(0);

function open(step: Step, workers: number, cacheFolder?: string) {
  const preprocessing =
    step === 'decode'
      ? createPreprocessing({ imageSize: [650, 650], clahe: false })
      : createPreprocessing({ imageSize: [224, 224] });
  return openKaggleFolder(folder, {
    preprocessing,
    workers,
    ...(cacheFolder !== undefined && { cacheFolder }),
  });
}

async function filesOf(patient: string): Promise<string[]> {
  const place = path.join(folder, 'train', patient);
  return (await readdir(place)).map((name) => path.join(place, name));
}

/** Loads every key: one at a time on the calling thread, or two per worker. */
async function over<K, T>(
  keys: readonly K[],
  workers: number,
  load: (key: K) => Promise<T>,
  dispose: (item: T) => void,
): Promise<void> {
  for await (const item of prefetch(keys, load, { ahead: 2 * workers })) dispose(item);
}

/** A patient's slices, augmented. */
async function loadAugmented(source: PatientSource, patient: string): Promise<PatientStack> {
  const draw = drawAugmentation({}, deriveSeed(1, patient));
  if (source.loadAugmented) return source.loadAugmented(patient, draw);
  const stack = await source.load(patient);
  const images = applyAugmentation(stack.images, draw);
  stack.images.dispose();
  return { ...stack, images };
}

/** Trains an epoch, and measures the time it waits for the next stack. */
async function trainingWait(source: PatientSource): Promise<{ total: number; waited: number }> {
  const model = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', backbone: 'squeezenet1_1', seed: 1 });
  const [optimizer, loss] = [adam(1e-5), asymmetricLoss()];
  const stacks = prefetch(source.patients, (patient) => loadAugmented(source, patient), {
    ahead: source.loadsAtOnce ?? 1,
    dispose: disposeStack,
  });
  const start = performance.now();
  let waited = 0;
  for (;;) {
    const asked = performance.now();
    const { value: stack, done } = await stacks.next();
    waited += performance.now() - asked;
    if (done) break;
    const [images, labels] = [tf.expandDims(stack.images), tf.expandDims(stack.labels!)];
    const result = trainStep(model, images, labels, optimizer, { loss });
    await result.loss.data();
    tf.dispose([images, labels, result.loss, result.logits]);
    disposeStack(stack);
    await tf.nextFrame();
  }
  optimizer.dispose();
  model.dispose();
  return { total: performance.now() - start, waited };
}

/** The same with OpenCV: on the calling thread, or on worker threads, each with a queue. */
async function openCvPeer(opencv: OpenCv, workers: number, step: Step) {
  const tensorOf = ({ values, size }: PreparedStack) =>
    tf.tensor4d(values, [values.length / (size[0] * size[1]), ...size, 1]);
  if (workers === 0) {
    return {
      run: async (files: string[]) => tensorOf(await prepareWithOpenCv(opencv, files, step)),
      close: async () => undefined,
    };
  }
  const thread = JSON.stringify(new URL('./opencv_thread.ts', import.meta.url).href);
  const program = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${thread}, ${thread}))`;
  const threads = Array.from({ length: workers }, () => new Worker(program, { eval: true, execArgv: [] }));
  let asked = 0;
  const waiting = new Map<number, (stack: PreparedStack) => void>();
  for (const one of threads) {
    one.on('message', ({ id, stack }: { id: number; stack: PreparedStack }) => {
      waiting.get(id)!(stack);
      waiting.delete(id);
    });
  }
  return {
    run: async (files: string[]) => {
      const id = asked++;
      const stack = await new Promise<PreparedStack>((resolve) => {
        waiting.set(id, resolve);
        threads[id % workers]!.postMessage({ id, files, step });
      });
      return tensorOf(stack);
    },
    close: async () => void (await Promise.all(threads.map((one) => one.terminate()))),
  };
}
