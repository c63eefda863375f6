/** Pictures of the slices that a model is most wrong on. */
import * as tf from '@tensorflow/tfjs';
import { ArgumentError } from '../base/errors';
import { ownChannels } from '../data/sources/own_channels';
import { disposeStack } from '../data/sources/patient_source';
import type { PatientSource } from '../data/sources/source_types';
import { largestLosses } from '../evaluation/largest_losses';
import { gradCam } from '../explanation/grad_cam';
import type { LabelledPredictions } from '../prediction/collect_predictions';

/** A slice, or a patient shown by one slice, and why it is shown. */
export interface WorstCase {
  patient: string;
  slice: string;
  /** Mean log loss over the labels. */
  loss: number;
  /** Index of the label that is most wrong. */
  label: number;
  yTrue: readonly number[];
  probabilities: readonly number[];
  /** The slice as PNG, and the slice with the map of that label. */
  plain: Uint8Array;
  overlaid?: Uint8Array;
  /** Why there is no map. */
  withoutMap?: string;
}

/** Draws a slice `[1, h, w, c]`, and the slice with its map `[1, h, w]`, as PNG. */
export type SlicePictures = (
  image: tf.Tensor4D,
  map: tf.Tensor3D | undefined,
) => Promise<Pick<WorstCase, 'plain' | 'overlaid'>>;

/** The largest losses among predictions, drawn. */
export async function worstCases(
  model: tf.LayersModel,
  source: PatientSource,
  { rows, yTrue, probabilities }: LabelledPredictions,
  options: { count: number; maps: boolean; pictures: SlicePictures },
): Promise<WorstCase[]> {
  if (options.count === 0) return [];
  const cases: WorstCase[] = [];
  for (const { index, loss, label } of largestLosses(yTrue, probabilities, options.count)) {
    const { patient, slice, ...row } = rows[index]!;
    const place = slice === undefined ? undefined : source.sliceNames(patient).indexOf(slice);
    const drawn = await draw(model, source, {
      patient,
      place,
      label,
      maps: options.maps,
      pictures: options.pictures,
    });
    cases.push({ ...row, ...drawn, patient, loss, label });
  }
  return cases;
}

interface Drawing {
  patient: string;
  /** Index of the slice; undefined for a patient as a whole. */
  place: number | undefined;
  label: number;
  maps: boolean;
  pictures: SlicePictures;
}

async function draw(
  model: tf.LayersModel,
  source: PatientSource,
  { patient, place, label, maps, pictures }: Drawing,
): Promise<Pick<WorstCase, 'slice' | 'plain' | 'overlaid' | 'withoutMap'>> {
  const stack = await source.load(patient);
  const { images, slices } = stack;
  const [count, , , channels] = images.shape;
  const [own] = ownChannels(source, channels);
  let heat: tf.Tensor3D | undefined;
  let withoutMap: string | undefined = maps ? undefined : 'not requested';
  try {
    if (maps) heat = gradCam(model, images, { label, slice: place });
  } catch (error) {
    // models of another form have no map, but are reported too
    if (!(error instanceof ArgumentError)) throw error;
    withoutMap = error.message;
  }
  // for a patient as a whole, the hottest slice; without maps the middle one
  const hottest = heat ? await hottestSlice(heat) : Math.floor(count / 2);
  const shown = place ?? hottest;
  const image = tf.slice(images, [shown, 0, 0, own], [1, -1, -1, 1]);
  const map = heat && tf.slice(heat, [shown, 0, 0], [1, -1, -1]);
  const drawn = await pictures(image, map);
  tf.dispose([image, ...(map ? [map] : [])]);
  heat?.dispose();
  disposeStack(stack);
  return { slice: slices[shown]!, ...drawn, withoutMap };
}

async function hottestSlice(heat: tf.Tensor3D): Promise<number> {
  const place = tf.tidy(() => tf.argMax(tf.max(heat, [1, 2])));
  const [slice] = await place.data();
  place.dispose();
  return slice!;
}
