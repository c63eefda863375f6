import type * as tf from '@tensorflow/tfjs';
import type { BackboneOptions } from './builder';
import * as backbones from './all';

/** One of {@link BACKBONES}. */
export type BackboneName = keyof typeof backbones;

/** Backbones that can be chosen by name. */
export const BACKBONES = Object.keys(backbones) as readonly BackboneName[];

/** Builds the backbone of this name. */
export function backboneByName(name: BackboneName, options: BackboneOptions): tf.LayersModel {
  return backbones[name](options);
}
