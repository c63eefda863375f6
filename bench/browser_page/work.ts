// Measurements for both Node and pages. Each function returns its own time, which excludes messages to the page.
import * as tf from '@tensorflow/tfjs';
import { adam, buildCtBrainModel, exportOnnx, squeezenet1_1, vgg16 } from 'ct-multilabel';

const BACKBONES = { vgg16, squeezenet1_1 };
export type Backbone = keyof typeof BACKBONES;

export const SLICES = 4;
const SIZE = 224;

/** A run's own milliseconds, and its result, by which runs are compared. */
export interface Timed {
  ms: number;
  values: number[];
}

/** Training steps of a backbone, one per call, with the mean of the squared features as the loss. */
export function trainer(name: Backbone): () => Timed {
  const model = BACKBONES[name]({ inputShape: [SIZE, SIZE, 3], seed: 1 });
  const x = tf.randomNormal([SLICES, SIZE, SIZE, 3], 0, 1, 'float32', 2);
  const optimizer = adam(1e-4);
  return () => {
    const start = performance.now();
    const cost = optimizer.minimize(
      () => tf.mean(tf.square(model.apply(x) as tf.Tensor)) as tf.Scalar,
      true,
    )!;
    const values = [...cost.dataSync()];
    const ms = performance.now() - start;
    cost.dispose();
    return { ms, values };
  };
}

/** A model of the backbone with as little as possible above it, also as ONNX bytes, and its input images. */
export async function predictor(name: Backbone) {
  const model = buildCtBrainModel({
    ...{ backbone: name, inputShape: [SIZE, SIZE, 1] as [number, number, number], seed: 1 },
    ...{ sliceDependency: 'none' as const, labelDecoder: 'linear' as const, neck: 'none' as const },
  });
  const x = tf.randomUniform([1, SLICES, SIZE, SIZE, 1], 0, 1, 'float32', 2);
  const run = (): Timed => {
    const start = performance.now();
    const values = tf.tidy(() => [...(model.predict(x) as tf.Tensor).dataSync()]);
    return { ms: performance.now() - start, values };
  };
  const onnx = await exportOnnx(model);
  return { run, onnx, images: x.dataSync<'float32'>().slice(), shape: x.shape };
}
