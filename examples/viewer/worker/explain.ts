// Heat maps of a label.
import type * as tf from '@tensorflow/tfjs';
import { gradCam, integratedGradients } from 'ct-multilabel';
import type { HeatMap, HeatMethod } from '../protocol';
import { computing } from './backend';
import { openedModel } from './models';
import { preparedStack } from './prepared';
import { since, turn, type Running } from './running';

export async function explain(
  running: Running,
  id: string,
  label: number,
  method: HeatMethod,
): Promise<HeatMap> {
  const started = performance.now();
  const maps = await heatOf(running, id, label, method);
  const [, rows, columns] = maps.shape;
  const values = Uint8Array.from(await maps.data(), (heat) => Math.round(255 * heat));
  maps.dispose();
  return { values, rows, columns, seconds: since(started) };
}

/** `[slices, rows, columns]`, through the whole model: from the label's logits of all slices back to the pixels. */
export async function heatOf(
  { say, signal }: Running,
  id: string,
  label: number,
  method: HeatMethod,
): Promise<tf.Tensor3D> {
  const { model, info } = openedModel();
  say({ text: `Looking for what speaks for ${info.labels[label]}` });
  await turn(signal);
  await computing();
  const { images } = preparedStack(id);
  return method === 'integrated-gradients'
    ? integratedGradients(model, images, { label })
    : gradCam(model, images, { label, method });
}
