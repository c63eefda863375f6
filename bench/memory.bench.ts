/**
 * Memory of a training step, the optimizer's included, for a short and a long patient: VGG16 at 224x224.
 *
 *   npx tsx bench/memory.bench.ts [slices, slices]
 *
 * A heap only grows, so each patient is trained on in a separate process, and its heap at the end is the peak.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { adam, asymmetricLoss, buildCtBrainModel, trainStep } from 'ct-multilabel';
import { useBackend, wasmMemory } from 'ct-multilabel/node';
import { report } from './compare';

interface Peak {
  slices: number;
  /** MiB of the WebAssembly heap. */
  heap: number;
  /** Peak MiB of the whole process. */
  resident: number;
  seconds: number;
}

const [mode, count] = process.argv.slice(2);
if (mode === 'one') {
  console.log(JSON.stringify(await trainOn(Number(count))));
  process.exit(0);
}

const [short, long] = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [20, 200];
const peaks = [short!, long!].map((slices) => {
  const script = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, script, 'one', String(slices)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.slice(-2000));
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Peak;
});
const [first, last] = peaks as [Peak, Peak];
for (const peak of peaks) {
  const { slices, heap, resident, seconds } = peak;
  report({
    what: `memory of a VGG16 training step, ${slices} slices of 224x224`,
    value: `${heap} MiB (process ${resident}), ${seconds.toFixed(0)} s`,
    ...(slices >= 200 && { wanted: 'under 1536 MiB', met: heap < 1536 }),
  });
}
const ratio = last.heap / first.heap;
report({
  what: `the same, ${last.slices} slices beside ${first.slices}`,
  value: `${ratio.toFixed(2)} times`,
  wanted: 'at most 1.3 times',
  met: ratio <= 1.3,
});

async function trainOn(slices: number): Promise<Peak> {
  await useBackend('wasm');
  const model = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', seed: 1 });
  const optimizer = adam(1e-5);
  const images = tf.randomUniform([1, slices, 224, 224, 1]);
  const labels = tf.zeros([1, slices, 5]);
  const start = performance.now();
  const { loss } = trainStep(model, images, labels, optimizer, { loss: asymmetricLoss() });
  await loss.data();
  const { heap } = wasmMemory();
  return {
    slices,
    heap: Math.round(heap / 2 ** 20),
    resident: Math.round(process.resourceUsage().maxRSS / 2 ** 10),
    seconds: (performance.now() - start) / 1000,
  };
}
