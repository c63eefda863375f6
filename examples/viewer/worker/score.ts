// Probabilities of a stack.
import * as tf from '@tensorflow/tfjs';
import { backboneOf, calibrateProbabilities, PerSlice, predictStack } from 'ct-multilabel';
import type { DisplayWindow, Scores } from '../protocol';
import { computing } from './backend';
import { openedModel, type OpenedModel } from './models';
import { prepare } from './prepared';
import { since, turn, type Running } from './running';

/** Slices per run of the backbone: few, so that progress is reported. */
const CHUNK = 2;

/** Scores of the last stack, for its report. */
let last: { id: string; model: OpenedModel; probabilities: number[][] } | undefined;

export function scoresOf(id: string): number[][] {
  if (last?.id !== id || last.model !== openedModel())
    throw new Error('the series is not scored by this model yet');
  return last.probabilities;
}

export async function score(running: Running, id: string, picture: DisplayWindow): Promise<Scores> {
  const started = performance.now();
  last = undefined;
  const backend = await computing();
  const { images, assumed } = await prepare(running, id, picture);
  const opened = openedModel();
  const { manifest, info } = opened;
  const logits = await logitsOf(images, running);
  const rows = tf.tidy(() => tf.sigmoid(tf.reshape(logits, [-1, info.labels.length]))) as tf.Tensor2D;
  logits.dispose();
  const plain = await rows.array();
  rows.dispose();
  if (!plain.flat().every(Number.isFinite)) throw new Error("the model's output is not finite");
  const { calibration } = manifest;
  const probabilities = calibration ? calibrateProbabilities(plain, calibration) : plain;
  last = { id, model: opened, probabilities };
  return { probabilities, backend, assumed, seconds: since(started) };
}

/** Logits of all slices, as from `predictStack`: first the backbone on each slice, then the layers above it. */
async function logitsOf(images: tf.Tensor4D, { say, signal }: Running): Promise<tf.Tensor> {
  const { model } = openedModel();
  const slices = images.shape[0];
  // padding is recognised by its pixels, which features do not contain
  const masks = model.layers.some((layer) => layer instanceof PerSlice && layer.maskValue !== undefined);
  if (masks) {
    say({ text: `Scoring ${slices} slices` });
    return tf.tidy(() => predictStack(model, tf.expandDims(images)));
  }
  const backbone = backboneOf(model);
  const features: tf.Tensor[] = [];
  try {
    for (let first = 0; first < slices; first += CHUNK) {
      await turn(signal);
      say({ text: `Scoring slice ${first + 1} of ${slices}`, share: 0.2 + (0.8 * first) / slices });
      const count = Math.min(CHUNK, slices - first);
      features.push(
        tf.tidy(() => {
          const some = tf.slice(images, [first, 0, 0, 0], [count, -1, -1, -1]);
          return backbone.predict(some, { batchSize: CHUNK }) as tf.Tensor;
        }),
      );
    }
    return tf.tidy(() => {
      const all = tf.concat(features);
      return predictStack(model, tf.reshape(all, [1, slices, 1, 1, all.shape[1]!]), { fromFeatures: true });
    });
  } finally {
    tf.dispose(features);
  }
}
