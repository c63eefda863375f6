// Slices prepared for the model.
import * as tf from '@tensorflow/tfjs';
import { neighborSlices, preprocess, windowChannels } from 'ct-multilabel';
import type { DisplayWindow } from '../protocol';
import { openedModel, type OpenedModel } from './models';
import { loadedStack } from './stacks';
import { turn, type Running } from './running';

/** A prepared stack. */
interface Prepared {
  id: string;
  model: OpenedModel;
  /** `[slices, height, width, channels]`. */
  images: tf.Tensor4D;
  /** What was assumed about the pixels. */
  assumed: string | undefined;
}

/** Slices prepared at a time. */
const CHUNK = 4;

/** The last requested stack, which heat maps and reports use too. */
let last: Prepared | undefined;

/** Result of {@link prepare}. */
export function preparedStack(id: string): Prepared {
  if (last?.id !== id || last.model !== openedModel())
    throw new Error('the series is not scored by this model yet');
  return last;
}

/** Prepares a stack according to the model's preprocessing: windows, CLAHE, size, neighbours. */
export async function prepare(running: Running, id: string, picture: DisplayWindow): Promise<Prepared> {
  const { say, signal } = running;
  const { values, kind, slices, rows, columns, notScored } = await loadedStack(running, id);
  if (notScored !== undefined) throw new Error(`not scored: ${notScored}`);
  last?.images.dispose();
  last = undefined;
  const model = openedModel();
  const { preprocessing } = model.manifest;
  const { neighbors, edge } = preprocessing;
  const single = { ...preprocessing, neighbors: 0 };
  const [isHu, takesHu] = [kind === 'dicom', preprocessing.windows !== false];
  const named = `window ${picture.center}/${picture.width} HU`;
  const area = rows * columns;
  const chunks: tf.Tensor4D[] = [];
  try {
    for (let first = 0; first < slices.length; first += CHUNK) {
      await turn(signal);
      say({ text: `Preparing slice ${first + 1} of ${slices.length}`, share: (0.2 * first) / slices.length });
      const count = Math.min(CHUNK, slices.length - first);
      chunks.push(
        tf.tidy(() => {
          const given = tf.tensor4d(values.subarray(first * area, (first + count) * area), [count, rows, columns, 1]);
          if (isHu === takesHu) return preprocess(given, single);
          const low = picture.center - picture.width / 2;
          return preprocess(isHu ? windowChannels(given, [picture]) : tf.add(tf.mul(given, picture.width), low), single);
        }) as tf.Tensor4D,
      ); // prettier-ignore
    }
    const images = tf.tidy(() => {
      const all = tf.concat(chunks);
      return neighbors === 0 ? all : neighborSlices(all, { radius: neighbors, edge });
    });
    const assumed = isHu === takesHu ? undefined : isHu ? `The model takes pictures: it sees ${named}.` : `The pictures are taken to show ${named}.`; // prettier-ignore
    last = { id, model, images, assumed };
    return last;
  } finally {
    tf.dispose(chunks);
  }
}
