/** Estimates the time and memory of a training run by timing one step and one prediction. */
import * as tf from '@tensorflow/tfjs';
import {
  asymmetricLoss,
  computeGradients,
  disposeStack,
  labelStatistics,
  outputLevel,
  predictStack,
  subset,
  type PatientSource,
} from '../index';
import { textTable } from './terminal';
import type { StudySplit } from './studies/split_studies';
import type { Recipe } from '../training/recipes/recipes';

/** Prints the sides of the split, and the maximum time and memory of the recipe. */
export async function printEstimate(
  model: tf.LayersModel,
  study: PatientSource,
  split: StudySplit,
  recipe: Recipe,
  bytes: { memoryBudget: number; cache: number; valueBytes: number },
): Promise<void> {
  const sides = (Object.keys(split) as (keyof StudySplit)[]).filter((side) => split[side].length > 0);
  const slicesOf = (patients: readonly string[]) =>
    patients.reduce((sum, patient) => sum + study.sliceNames(patient).length, 0);
  const rows = sides.map((side) => {
    const { labels } = labelStatistics(subset(study, split[side]));
    return [
      side,
      String(split[side].length),
      String(slicesOf(split[side])),
      ...labels.map((label) => `${label.slices.positive} / ${label.patients.positive}`),
    ];
  });
  console.log('per label: positive slices / patients');
  console.log(textTable(['', 'patients', 'slices', ...study.labels], rows));

  const { step, prediction } = await secondsPerSlice(model, study, split.train, bytes.memoryBudget);
  const [train, validation] = [slicesOf(split.train), slicesOf(split.validation)];
  const { pretrain, warmUp, patients } = recipe;
  const whole = (epochs: number, most = train) =>
    epochs * (Math.min(train, most) * step + validation * prediction);
  const stages: [string, number][] = [
    ['pretrain', pretrain ? whole(pretrain.epochs ?? 50, pretrain.slicesPerEpoch) : 0],
    ['warm-up', warmUp ? (train * (1 + (warmUp.versions ?? 4)) + validation) * prediction : 0],
    ['patients', patients ? whole(patients.epochs ?? 50) : 0],
  ];
  const hours = stages.map(([stage, seconds]) => [stage, (seconds / 3600).toFixed(2)]);
  const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0) / 3600;
  console.log(`\n${textTable(['stage', 'maximum hours'], [...hours, ['all', total.toFixed(2)]])}`);
  const weights = model.countParams() * 4;
  const shape = model.inputs[0]!.shape.slice(2) as number[];
  const kept = Math.min(bytes.cache, (train + validation) * bytes.valueBytes * tf.util.sizeFromShape(shape));
  // weights, two moments, gradients, the best epoch's weights
  const memory = bytes.memoryBudget + kept + 5 * weights;
  console.log(`memory: about ${(memory / 2 ** 30).toFixed(1)} GiB in addition to the program itself`);
}

/** Seconds of a training step and of a prediction, per slice, on the first training slices. */
async function secondsPerSlice(
  model: tf.LayersModel,
  study: PatientSource,
  patients: readonly string[],
  memoryBudget: number,
): Promise<{ step: number; prediction: number }> {
  const stacks: tf.Tensor[] = [];
  for (const patient of patients) {
    if (stacks.reduce((sum, stack) => sum + stack.shape[0]!, 0) >= 16) break;
    const stack = await study.load(patient);
    stacks.push(stack.images.clone());
    disposeStack(stack);
  }
  const images = tf.tidy(() => tf.expandDims(tf.concat(stacks)));
  tf.dispose(stacks);
  // which labels makes no difference to the time
  const ofStack = [1, study.labels.length];
  const truth = tf.zeros(outputLevel(model) === 'patients' ? ofStack : [1, images.shape[1]!, study.labels.length]); // prettier-ignore
  const time = async (run: () => tf.Tensor) => {
    const once = async () => {
      const start = performance.now();
      const result = tf.tidy(run);
      await result.data();
      result.dispose();
      return (performance.now() - start) / 1000 / images.shape[1]!;
    };
    await once(); // warm-up
    return once();
  };
  const loss = asymmetricLoss();
  const step = await time(() => computeGradients(model, images, truth, { loss, memoryBudget }).loss);
  const prediction = await time(() => predictStack(model, images));
  tf.dispose([images, truth]);
  return { step, prediction };
}
