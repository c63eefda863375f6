import * as tf from '@tensorflow/tfjs';
import type { Shape } from '../base/types';

/** Positions of a feature map's cells along one axis of the image: the centre of cell i is at pixel `first + step * i`. */
export interface GridAxis {
  first: number;
  step: number;
}

/** Positions of a feature map's rows and columns on the image. */
export type FeatureMapGrid = readonly [rows: GridAxis, columns: GridAxis];

/**
 * Positions of a feature map's cells: each at the centre of the pixels that it sees.
 *
 * These are not evenly spaced over the image. A convolution of stride 2 sees one pixel more on one side than on the
 * other, and the next one doubles that: four of them shift a map by half a cell, 7.5 pixels. In a convolution or pooling,
 * cell i is at `stride * i + (kernel - 1) / 2 - padding` of its input; other layers do not move the cells, and those that
 * change the size in an unknown way are assumed to spread them evenly.
 *
 * @param place - The feature map in its model's graph.
 * @param image - `[height, width]` of the model's input.
 */
export function featureMapGrid(place: tf.SymbolicTensor, image: readonly [number, number]): FeatureMapGrid {
  const known = new Map<tf.SymbolicTensor, Placed>();
  const placedAt = (symbol: tf.SymbolicTensor): Placed => {
    const seen = known.get(symbol);
    if (seen) return seen;
    const placed = symbol.inputs.length === 0 ? placedInput(symbol, image) : placedOutput(symbol, symbol.inputs.map(placedAt)); // prettier-ignore
    known.set(symbol, placed);
    return placed;
  };
  return placedAt(place).grid!;
}

/** Enlarges maps `[n, h, w]` to the image: bilinear between the centres of cells, constant beyond the outermost ones. */
export function enlargeMaps(
  maps: tf.Tensor3D,
  [rows, columns]: FeatureMapGrid,
  [height, width]: readonly [number, number],
): tf.Tensor3D {
  return tf.tidy(() => {
    const [count, h, w] = maps.shape;
    const wide = tf.matMul(tf.reshape(maps, [count * h, w]), between(columns, w, width));
    const turned = tf.transpose(tf.reshape(wide, [count, h, width]), [0, 2, 1]);
    const sized = tf.matMul(tf.reshape(turned, [count * width, h]), between(rows, h, height));
    return tf.transpose(tf.reshape(sized, [count, width, height]), [0, 2, 1]);
  });
}

/** The shape of a value of the graph, and the positions of its cells if it is a feature map. */
interface Placed {
  shape: Shape;
  grid?: FeatureMapGrid;
}

const PIXELS: GridAxis = { first: 0, step: 1 };

function placedInput(symbol: tf.SymbolicTensor, [height, width]: readonly [number, number]): Placed {
  return { shape: [1, height, width, symbol.shape[3]!], grid: [PIXELS, PIXELS] };
}

function placedOutput(symbol: tf.SymbolicTensor, inputs: Placed[]): Placed {
  const layer = symbol.sourceLayer;
  const shapes = inputs.map((input) => input.shape);
  const output = layer.computeOutputShape(shapes.length === 1 ? shapes[0]! : shapes) as Shape | Shape[];
  const shape = Array.isArray(output[0]) ? (output as Shape[])[symbol.outputTensorIndex ?? 0]! : (output as Shape); // prettier-ignore
  const image = inputs.find(({ grid }) => grid !== undefined);
  if (image === undefined || shape.length !== 4) return { shape };
  const grid = ([0, 1] as const).map((axis) => {
    const { first, step } = image.grid![axis];
    const own = cellsOfLayer(layer, axis, image.shape[axis + 1]!, shape[axis + 1]!);
    return { first: first + step * own.first, step: step * own.step };
  }) as [GridAxis, GridAxis];
  return { shape, grid };
}

/** Layers whose cells see a window of their input. */
const WINDOWS = ['Conv2D', 'FusedConv2D', 'DepthwiseConv2D', 'SeparableConv2D', 'MaxPooling2D', 'AveragePooling2D']; // prettier-ignore

/** Positions of the cells of a layer's output among those of its input. */
function cellsOfLayer(layer: tf.layers.Layer, axis: 0 | 1, from: number, to: number): GridAxis {
  const config = layer.getConfig() as Record<string, unknown>;
  const ofAxis = (value: unknown) => (Array.isArray(value) ? (value as number[])[axis]! : (value as number));
  const name = layer.getClassName();
  if (name === 'ZeroPadding2D') {
    const [before] = (config['padding'] as [number, number][])[axis]!;
    return { first: -before, step: 1 };
  }
  if (WINDOWS.includes(name)) {
    const stride = ofAxis(config['strides']);
    const window = (ofAxis(config['kernelSize'] ?? config['poolSize']) - 1) * ofAxis(config['dilationRate'] ?? 1) + 1; // prettier-ignore
    const padding = config['padding'] === 'same' ? Math.max(0, (to - 1) * stride + window - from) : 0;
    return { first: (window - 1) / 2 - Math.floor(padding / 2), step: stride };
  }
  return { first: (from / to - 1) / 2, step: from / to };
}

/** Weights `[cells, pixels]` of the two cells around each pixel. */
function between({ first, step }: GridAxis, cells: number, pixels: number): tf.Tensor2D {
  const weights = new Float32Array(cells * pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const position = Math.min(Math.max((pixel - first) / step, 0), cells - 1);
    const below = Math.floor(position);
    weights[below * pixels + pixel] = 1 - (position - below);
    if (below + 1 < cells) weights[(below + 1) * pixels + pixel] = position - below;
  }
  return tf.tensor2d(weights, [cells, pixels]);
}
