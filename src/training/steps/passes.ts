import * as tf from '@tensorflow/tfjs';
import { freeingTape } from '../../base/gradient_tape';
import type { ModelParts } from '../../models/model_parts';
import { foldSlices } from '../../models/run_parts';
import { chunksOf, slicesOf } from '../../models/slice_chunks';
import type { StepGradients } from './finite_step';
import type { LossGroup } from './loss_groups';

/** What a step computes, however its batch is divided. */
export interface Step {
  parts: ModelParts;
  /** `[batch, slices, h, w, c]`. */
  images: tf.Tensor;
  labels: tf.Tensor;
  /** Features of single slices. */
  run(slices: tf.Tensor): tf.Tensor;
  /** Logits and loss of stacks, from the features of all their slices. */
  head(features: tf.Tensor, images: tf.Tensor, labels: tf.Tensor): { logits: tf.Tensor; loss: tf.Scalar };
}

/** All slices at once. */
export function onePass({ parts, images, labels, run, head }: Step, slices: tf.Tensor): StepGradients {
  let logits: tf.Tensor | undefined;
  const forward = () => {
    const result = head(run(slices), images, labels);
    logits = tf.keep(result.logits.clone());
    return result.loss;
  };
  try {
    const variables = [...parts.backboneVariables, ...parts.headVariables];
    const { value, grads } = freeingTape(() => tf.variableGrads(forward, variables));
    return { loss: value, logits: logits!.clone(), gradients: grads };
  } finally {
    logits?.dispose();
  }
}

/** A pass for each group of stacks. */
export function inGroups(step: Step, groups: LossGroup[]): StepGradients {
  const gradients: tf.NamedTensorMap = {};
  const results = groups.map(({ stacks, share }) => {
    const { gradients: ofGroup, ...result } = tf.tidy(() => {
      const images = slicesOf(step.images, stacks);
      const head: Step['head'] = (...given) => {
        const { logits, loss } = step.head(...given);
        return { logits, loss: tf.mul(loss, share) };
      };
      const group = { ...step, head, images, labels: slicesOf(step.labels, stacks) };
      return onePass(group, foldSlices(images));
    });
    addTo(gradients, ofGroup);
    return result;
  });
  return {
    loss: tf.addN(results.map(({ loss }) => loss)),
    logits: tf.concat(results.map(({ logits }) => logits)),
    gradients,
  };
}

/** Chunks of slices, all of which run a second time. */
export function checkpointed(step: Step, slices: tf.Tensor, chunkSlices: number): StepGradients {
  const { parts, run } = step;
  const chunks = chunksOf(slices.shape[0]!, chunkSlices);

  // 1. features of all slices, no activations kept; the second run of a chunk is the one that moves the statistics
  const statistics = parts.backbone.nonTrainableWeights.map((weight) => weight.read().clone());
  const features = tf.concat(chunks.map((chunk) => tf.tidy(() => run(slicesOf(slices, chunk)))));
  parts.backbone.nonTrainableWeights.forEach((weight, i) => weight.write(statistics[i]!));

  // 2. the head, and the gradient of the loss by each feature
  const input = tf.variable(features);
  const ofHead = { ...step, parts: { ...parts, backboneVariables: [input] }, run: (x: tf.Tensor) => x };
  const above = thenDispose(input, () => onePass(ofHead, input));
  const { [input.name]: featureGradient, ...gradients } = above.gradients;

  // 3. each chunk again, summing the gradients
  for (const chunk of chunks) {
    const [part, cotangent] = [slicesOf(slices, chunk), slicesOf(featureGradient!, chunk)];
    const explained = () => tf.sum(tf.mul(run(part), cotangent)) as tf.Scalar;
    const { grads, value } = freeingTape(() => tf.variableGrads(explained, parts.backboneVariables));
    addTo(gradients, grads);
    tf.dispose([value, part, cotangent]);
  }
  return { ...above, gradients };
}

/** Adds gradients to sums, which take their place. */
function addTo(sums: tf.NamedTensorMap, gradients: tf.NamedTensorMap): void {
  for (const [name, gradient] of Object.entries(gradients)) {
    const sum = sums[name];
    sums[name] = sum ? tf.add(sum, gradient) : gradient;
    if (sum) tf.dispose([sum, gradient]);
  }
}

/** Runs `use` and disposes the variable, also if that throws. */
function thenDispose<T>(variable: tf.Variable, use: () => T): T {
  try {
    return use();
  } finally {
    variable.dispose();
  }
}
