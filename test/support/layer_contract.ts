import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { onBackends } from './backends';
import { expectNoLeak, relativeError } from './matchers';

type Shape = (number | null)[];

export interface LayerContract<A> {
  /** The class, with its `className`. */
  layerClass: { new (args: A): tf.layers.Layer; className: string };
  args: A | (() => A);
  /** Shape of one call's input, or of each input. */
  inputShape: number[] | number[][];
  outputShape: number[];
  /** Number of scalars in the weights. */
  parameters: number;
  /** Where set, the layer must hand on a mask [batch, slices]. */
  masked?: boolean;
  /** Set for a layer on single images, `[n, height, width, channels]`: none of its axes is one of slices. */
  images?: boolean;
  /** Set for a layer that makes one of all slices: its output has no axis of slices, and no mask. */
  pooled?: boolean;
}

/** What every layer must hold, on each backend: shapes, config and weight round trip, a training step, masks, no leak. */
export function itKeepsTheLayerContract<A>(contract: LayerContract<A>): void {
  onBackends(['cpu', 'wasm, compiled'], 'layer contract', () => itKeepsItHere(contract));
}

function itKeepsItHere<A>(contract: LayerContract<A>): void {
  const { layerClass, inputShape, outputShape, parameters } = contract;
  const newArgs = () => (typeof contract.args === 'function' ? (contract.args as () => A)() : contract.args);
  const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as number[][];
  // of slices and images there may be any number
  const free = (shape: number[]): Shape => (contract.images ? shape.slice(1) : [null, ...shape.slice(2)]);
  const symbolic = () => shapes.map((shape) => tf.input({ shape: free(shape), name: undefined as never }));
  const makeInputs = () => shapes.map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', 7 + i));
  const one = <T>(list: T[]): T | T[] => (list.length === 1 ? list[0]! : list);
  const build = () => {
    const inputs = symbolic();
    const layer = new layerClass(newArgs());
    const output = layer.apply(one(inputs)) as tf.SymbolicTensor;
    return { layer, output, model: tf.model({ inputs, outputs: output }) };
  };

  it('gives the shape it announces, with any number of slices', () => {
    const { model, output, layer } = build();
    const fixed = contract.pooled || contract.images ? 1 : 2;
    expect(output.shape.slice(fixed)).toEqual(outputShape.slice(fixed));
    const inputs = makeInputs();
    const y = model.predict(one(inputs)) as tf.Tensor;
    expect(y.shape).toEqual(outputShape);
    expect(y.dtype).toBe('float32');
    expect(layer.countParams()).toBe(parameters);
    const single = inputs.map((x) =>
      contract.images ? tf.slice(x, [0], [1]) : tf.slice(x, [0, 0], [x.shape[0]!, 1]),
    );
    const [batch, ...rest] = outputShape;
    const ofOne = contract.images ? [1, ...rest] : [batch, 1, ...rest.slice(1)];
    expect((model.predict(one(single)) as tf.Tensor).shape).toEqual(contract.pooled ? outputShape : ofOne);
  });

  it.skipIf(contract.images)('refuses a patient with no slices', () => {
    const { layer } = build();
    const empty = shapes.map((shape) => tf.zeros([shape[0]!, 0, ...shape.slice(2)]));
    expect(() => layer.apply(one(empty))).toThrow(/slice/);
  });

  it('refuses options that nobody knows, and any other number of inputs', () => {
    expect(() => new layerClass({ ...newArgs(), zzzzzzzzzz: 1 })).toThrow(
      `${layerClass.className}: unknown option 'zzzzzzzzzz'`,
    );
    const { layer } = build();
    const inputs = makeInputs();
    const expected = `expected ${inputs.length === 1 ? 'one input' : 'two inputs'}`;
    expect(() => layer.call([...inputs, inputs[0]!], {})).toThrow(expected);
    expect(() => layer.call([], {})).toThrow(ArgumentError);
  });

  it('comes back from its config and from a saved model with the same output', async () => {
    const { layer, model } = build();
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined })) as tf.io.ModelArtifacts;
        saved.weightData = artifacts.weightData as ArrayBuffer;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    expect(JSON.stringify(saved!.modelTopology)).toContain(layerClass.className);
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    const inputs = one(makeInputs());
    const [again] = loaded.layers.filter((l) => l instanceof layerClass);
    expect(again!.getConfig()).toEqual(layer.getConfig());
    expect(relativeError(loaded.predict(inputs) as tf.Tensor, model.predict(inputs) as tf.Tensor)).toBe(0);
  });

  it('trains: every weight gets a finite gradient', () => {
    const { layer } = build();
    const inputs = one(makeInputs());
    const variables = layer.trainableWeights.map((w) => w.read() as tf.Variable);
    if (variables.length === 0) return;
    const { grads } = tf.variableGrads(
      () => tf.mean(tf.square(layer.apply(inputs, { training: true }) as tf.Tensor)) as tf.Scalar,
      variables,
    );
    for (const gradient of Object.values(grads)) {
      const values = gradient.dataSync();
      expect(values.every(Number.isFinite)).toBe(true);
      expect(values.some((v) => v !== 0)).toBe(true);
    }
  });

  it('leaks nothing', () => {
    const { layer } = build();
    const inputs = one(makeInputs());
    expectNoLeak(() => layer.call(inputs, {}));
  });

  if (contract.pooled) {
    it('ends the mask', () => {
      const { layer } = build();
      const inputs = makeInputs();
      const mask = tf.ones([shapes[0]![0]!, shapes[0]![1]!], 'bool');
      expect(layer.supportsMasking).toBe(true);
      expect(layer.computeMask(one(inputs), mask)).toBeNull();
    });
  }

  if (contract.masked) {
    it('hands its mask on', () => {
      const { layer } = build();
      const inputs = makeInputs();
      const mask = tf.ones([shapes[0]![0]!, shapes[0]![1]!], 'bool');
      expect(layer.supportsMasking).toBe(true);
      const passed = layer.computeMask(one(inputs), one(inputs.map(() => mask)));
      expect(passed).toBe(mask);
    });
  }
}
