/**
 * Where the time of an epoch goes: patients of real head CT through reading, CLAHE, augmentation, a training step each, and
 * validation, as `ct-multilabel train` runs them.
 *
 *   CT_MULTILABEL_DATA=DIR npx tsx bench/epoch.bench.ts [backbone] [patients]
 *
 * `DIR` contains `ct-ich/` in the challenge's layout. The main thread is sampled; a sample counts for the innermost part on
 * its stack.
 */
import { Session, type Profiler } from 'node:inspector/promises';
import path from 'node:path';
import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  splitByPatient,
  subset,
  trainPatients,
  type BackboneName,
} from 'ct-multilabel';
import { openKaggleFolder, useBackend } from 'ct-multilabel/node';
import { figure, report, skip } from './compare';

/** Functions by which a part's samples are recognised. */
const PARTS: Record<string, string> = {
  computeGradients: 'network, forward and backward',
  predictStack: 'network, validation',
  applyGradients: 'optimizer',
  preprocess: 'CLAHE and resizing',
  applyAugmentation: 'augmentation',
  update: 'metrics',
  confusionCounts: 'metrics',
  '(idle)': 'waiting for images',
  '(garbage collector)': 'garbage collection',
};
const REST = 'the rest';

const data = process.env.CT_MULTILABEL_DATA;
const backbone = (process.argv[2] ?? 'squeezenet1_1') as BackboneName;
const most = Number(process.argv[3] ?? Infinity);
if (data === undefined || data === '') {
  skip(`an epoch of ${backbone}`, 'CT_MULTILABEL_DATA is not set');
  process.exit(0);
}

await useBackend('wasm');
const preprocessing = createPreprocessing({ imageSize: [224, 224] });
const study = cachedSource(await openKaggleFolder(path.join(data, 'ct-ich'), { preprocessing }));
const split = splitByPatient(study.patients, { validationFraction: 0.1, seed: 1 });
const train = subset(study, split.train.slice(0, most));
const validation = subset(study, split.validation.slice(0, Math.max(1, Math.round(most / 9))));
const model = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', backbone, seed: 1 });

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.start');
const start = performance.now();
await trainPatients(model, { train, validation, seed: 1, epochs: 1 });
const seconds = (performance.now() - start) / 1000;
const { profile } = await session.post('Profiler.stop');

const count = (patients: readonly string[]) =>
  patients.reduce((sum, patient) => sum + study.sliceNames(patient).length, 0);
const [trained, validated] = [count(train.patients), count(validation.patients)];
report({
  what: `an epoch of ${backbone}, ${trained} slices to train on and ${validated} to validate`,
  value: `${seconds.toFixed(0)} s, ${figure((1000 * seconds) / trained)} ms per slice`,
});
const times = timesByPart(profile);
const total = [...times.values()].reduce((sum, time) => sum + time, 0);
for (const [part, time] of [...times].sort(([, a], [, b]) => b - a)) {
  const network = part.startsWith('network');
  report({
    what: `${backbone}: ${part}`,
    value: `${figure((100 * time) / total)}% of the time, ${figure((1000 * time) / trained)} ms per slice`,
    ...(!network && { wanted: 'at most 10%', met: time / total <= 0.1 }),
  });
}
process.exit(0);

/** Seconds per part. */
function timesByPart({ nodes, samples, timeDeltas }: Profiler.Profile): Map<string, number> {
  const partOf = new Map<number, string>();
  const children = new Map(nodes.map((node) => [node.id, node]));
  const visit = (id: number, outer: string) => {
    const { callFrame, children: inner = [] } = children.get(id)!;
    const part = PARTS[callFrame.functionName] ?? outer;
    partOf.set(id, part);
    for (const child of inner) visit(child, part);
  };
  visit(nodes[0]!.id, REST);
  const out = new Map<string, number>();
  samples!.forEach((id, i) => {
    const part = partOf.get(id)!;
    out.set(part, (out.get(part) ?? 0) + timeDeltas![i]! / 1e6);
  });
  return out;
}
