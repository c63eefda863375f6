/**
 * Growth of prediction and of a training step with the number of slices, their size, and the number of patients: time per unit of work,
 * relative to that of the smallest.
 *
 *   npx tsx bench/scaling.bench.ts [rounds]
 */
import * as tf from '@tensorflow/tfjs';
import { adam, asymmetricLoss, buildCtBrainModel, CT_LABELS, predictStack, trainStep } from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { figure, median, report } from './compare';

/** A batch of patients. */
interface Work {
  patients: number;
  slices: number;
  size: number;
}

const SERIES: { unit: string; units(work: Work): number; works: Work[] }[] = [
  {
    unit: 'slice',
    units: ({ slices }) => slices,
    works: [16, 32, 64, 128].map((slices) => ({ patients: 1, slices, size: 128 })),
  },
  {
    unit: '1000 pixels',
    units: ({ slices, size }) => (slices * size * size) / 1000,
    works: [64, 128, 224].map((size) => ({ patients: 1, slices: 16, size })),
  },
  {
    unit: 'patient',
    units: ({ patients }) => patients,
    works: [2, 4, 8].map((patients) => ({ patients, slices: 16, size: 64 })),
  },
];
/** Limit of the cost per unit, relative to that of the smallest work. */
const BAR = 1.5;

const rounds = Number(process.argv[2] ?? 5);
await useBackend('wasm');
for (const { unit, units, works } of SERIES) {
  const runs = works.map((work) => ({
    work,
    ...runsOf(work),
    predicting: [] as number[],
    training: [] as number[],
  }));
  // in turns, so that load on the machine affects all alike; the first round warms up
  for (let round = -1; round < rounds; round++) {
    for (const { predict, train, predicting, training } of runs) {
      const [first, second] = [timed(predict), timed(train)];
      if (round < 0) continue;
      predicting.push(first);
      training.push(second);
    }
  }
  for (const what of ['predicting', 'training'] as const) {
    const perUnit = runs.map((run) => median(run[what]) / units(run.work));
    runs.forEach(({ work: { patients, slices, size }, [what]: times }, i) => {
      const growth = perUnit[i]! / perUnit[0]!;
      const stacks = `${patients === 1 ? '' : `${patients} patients of `}${slices} slices`;
      const besideFirst = i === 0 ? '' : `, ${growth.toFixed(2)} times the first`;
      report({
        what: `${what === 'predicting' ? 'prediction' : 'training step'}, ${stacks} ${size} x ${size}`,
        value: `${figure(median(times))} ms, ${figure(perUnit[i]!)} ms per ${unit}${besideFirst}`,
        ...(i > 0 && { wanted: `at most ${BAR} times the first`, met: growth <= BAR }),
      });
    });
  }
  runs.forEach(({ end }) => end());
}
process.exit(0);

/** SqueezeNet, GRU and label decoder on such a batch. */
function runsOf({ patients, slices, size }: Work) {
  const model = buildCtBrainModel({ backbone: 'squeezenet1_1', inputShape: [size, size, 1], seed: 1 });
  const images = tf.randomUniform([patients, slices, size, size, 1], 0, 1, 'float32', 1);
  const labels = tf.zeros([patients, slices, CT_LABELS.length]);
  const [optimizer, loss] = [adam(1e-5), asymmetricLoss()];
  return {
    predict: () => predictStack(model, images),
    train() {
      const result = trainStep(model, images, labels, optimizer, { loss });
      result.logits.dispose();
      return result.loss;
    },
    end() {
      optimizer.dispose();
      model.dispose();
      tf.dispose([images, labels]);
    },
  };
}

/** Milliseconds until the result can be read. */
function timed(run: () => tf.Tensor): number {
  const start = performance.now();
  const result = run();
  result.dataSync();
  result.dispose();
  return performance.now() - start;
}
