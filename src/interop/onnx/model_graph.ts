import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { NonFiniteError } from '../../base/errors';
import type { LayerVariable, Shape } from '../../base/types';
import { firstOutside } from '../../kernels/host_values';
import { channelsLast, type Value } from './emitter';
import type { Graph, Numbers } from './graph';
import { EMITTERS } from './layers';

/** Values of the weights, which a GPU provides asynchronously. */
export type Weights = ReadonlyMap<LayerVariable, Numbers>;

/** @throws NonFiniteError for a weight that is not finite, of which runtimes make a number: their ReLU turns NaN into zero. */
export async function readWeights(model: tf.LayersModel): Promise<Weights> {
  const read = async (variable: LayerVariable) => {
    const values = (await variable.read().data()) as Float32Array;
    const place = firstOutside(values);
    if (place >= 0) {
      throw new NonFiniteError(
        `exportOnnx: value ${place} of ${variable.originalName} is ${values[place]}; nothing is exported`,
      );
    }
    return [variable, { values, shape: variable.shape as number[] }] as const;
  };
  return new Map(await Promise.all((model.weights as LayerVariable[]).map(read)));
}

/**
 * Adds a model to a graph, and returns its output with channels last.
 *
 * @throws ArgumentError naming a layer that cannot be exported.
 */
export function addModel(graph: Graph, model: tf.LayersModel, input: Value, weights: Weights): Value {
  const output = new ModelWalk(graph, weights).model(model, input, '');
  graph.scope = '';
  return { ...output, name: channelsLast(graph, output) };
}

/** Follows a model's graph from its output to its input. */
class ModelWalk {
  constructor(
    private readonly graph: Graph,
    private readonly weights: Weights,
  ) {}

  /** @param path - Names of the layers that contain the model, such as `backbone/`. */
  model(model: tf.LayersModel, input: Value, path: string): Value {
    const count = [model.inputs.length, model.outputs.length];
    check(count.join() === '1,1', `exportOnnx: ${path}${model.name}`, 'one input and one output', count);
    const values = new Map([[model.inputs[0]!.id, input]]);
    const valueOf = (symbol: tf.SymbolicTensor): Value => {
      const known = values.get(symbol.id);
      if (known) return known;
      const layer = symbol.sourceLayer as tf.layers.Layer;
      const value = this.layer(layer, symbol.inputs.map(valueOf), path + layer.name);
      values.set(symbol.id, value);
      return value;
    };
    return valueOf(model.outputs[0]!);
  }

  private layer(layer: tf.layers.Layer, inputs: Value[], path: string): Value {
    if (layer instanceof tf.LayersModel) return this.model(layer, inputs[0]!, `${path}/`);
    const emitter = EMITTERS.get(layer.getClassName());
    const known = [...EMITTERS.keys()].join(', ');
    check(emitter !== undefined, `exportOnnx: layer '${path}'`, `one of ${known}`, layer.getClassName());
    const outer = this.graph.scope;
    this.graph.scope = path;
    const named = new Map(layer.weights.map((variable) => [variable.originalName.split('/').at(-1)!, variable]));
    const emitted = emitter(layer, inputs, {
      graph: this.graph,
      where: `layer '${path}'`,
      weight: (name) => this.weights.get(named.get(name) as LayerVariable),
      // a model inside a layer takes the layer's name, also as the prefix of its parameters
      inner: (inner, input) =>
        inner instanceof tf.LayersModel
          ? this.model(inner, input, `${path}/`)
          : this.layer(inner, [input], `${path}/${inner.name}`),
    });
    this.graph.scope = outer;
    const shapes = inputs.map(({ shape }) => shape);
    const shape = layer.computeOutputShape(shapes.length === 1 ? shapes[0]! : shapes) as Shape;
    return { ...emitted, shape };
  } // prettier-ignore
}
