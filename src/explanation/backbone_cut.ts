import * as tf from '@tensorflow/tfjs';
import { check, checkOneOf } from '../base/checks';
import { runBetween } from '../models/run_parts';
import { featureMapGrid, type FeatureMapGrid } from './feature_map_grid';

/** A backbone split at a feature map. */
export interface BackboneCut {
  /** Name of the layer whose output the feature map is. */
  layer: string;
  /** Feature maps `[n, h, w, c]` of slices, without a gradient. */
  below(slices: tf.Tensor): tf.Tensor4D;
  /** Features `[n, f]` of feature maps. */
  above(maps: tf.Tensor): tf.Tensor;
  /** The positions of the feature map's cells on an image `[height, width]`. */
  gridOn(image: readonly [number, number]): FeatureMapGrid;
}

/**
 * Splits a backbone at its last feature map `[n, h, w, c]` before pooling, or at a named layer: VGG16's `features.28`,
 * ResNet18's `layer4.1.relu`, SqueezeNet's `features.12`.
 *
 * @throws ArgumentError for a backbone that is not a model or has no feature map, or a layer that some features bypass;
 * the possible layers are listed.
 */
export function cutBackbone(backbone: tf.layers.Layer, layer?: string): BackboneCut {
  check(backbone instanceof tf.LayersModel, 'model', 'a model whose backbone is a model', backbone);
  const output = backbone.outputs[0]!;
  const places = featureMapsOf(output).filter((place) => !reachesInput(output, place));
  const names = places.map(({ sourceLayer }) => sourceLayer.name);
  check(places.length > 0, 'model', 'a backbone with a feature map [n, h, w, c]', layerNames(backbone));
  const unpooled = places.find(({ sourceLayer }) => !isPooling(sourceLayer));
  if (layer !== undefined) checkOneOf(layer, names, 'layer');
  const place = layer === undefined ? (unpooled ?? places[0]!) : places[names.indexOf(layer)]!;

  // a model of existing layers does not change them, and disposes intermediate results as it runs
  const lower = tf.model({ inputs: backbone.inputs, outputs: place, name: `${backbone.name}_below` });
  return {
    layer: place.sourceLayer.name,
    below: (slices) => oneOf(lower.call(slices, { training: false })) as tf.Tensor4D,
    above: (maps) => runBetween(place, output, maps, { training: false }),
    gridOn: (image) => featureMapGrid(place, image),
  };
}

/**
 * The feature maps `[n, h, w, c]` that `output` depends on, nearest first. A vector that was reshaped to an image is not
 * one: a feature map is computed from images only.
 */
function featureMapsOf(output: tf.SymbolicTensor): tf.SymbolicTensor[] {
  const known = new Map<tf.SymbolicTensor, boolean>();
  const maps: tf.SymbolicTensor[] = [];
  const visit = (symbol: tf.SymbolicTensor): boolean => {
    const seen = known.get(symbol);
    if (seen !== undefined) return seen;
    const ofImages = symbol.inputs.map(visit).some((isImage) => isImage);
    const isMap = symbol.rank === 4 && ofImages;
    const isImage = isMap || (symbol.rank === 4 && symbol.inputs.length === 0);
    known.set(symbol, isImage);
    if (isMap) maps.push(symbol);
    return isImage;
  };
  visit(output);
  return maps.reverse(); // each is found after those it depends on
}

/** Whether a path leads from the input to `output` without passing `place`. */
function reachesInput(output: tf.SymbolicTensor, place: tf.SymbolicTensor): boolean {
  const seen = new Set([place]);
  const reaches = (symbol: tf.SymbolicTensor): boolean => {
    if (seen.has(symbol)) return false;
    seen.add(symbol);
    return symbol.inputs.length === 0 || symbol.inputs.some(reaches);
  };
  return reaches(output);
}

const isPooling = (layer: tf.layers.Layer) => /Pooling2D$/.test(layer.getClassName());

const layerNames = (model: tf.LayersModel) => model.layers.map(({ name }) => name);

const oneOf = (output: tf.Tensor | tf.Tensor[]) => (Array.isArray(output) ? output[0]! : output);
