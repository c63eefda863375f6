import type * as tf from '@tensorflow/tfjs';
import type { Calibration } from '../../metrics/calibration';
import { VERSION } from '../../version';
import { Graph } from './graph';
import { DATA_TYPES, encodeModel, type ValueMessage } from './messages';
import { addModel, readWeights } from './model_graph';
import { maskOfLengths, withoutPadding, type SliceMask } from './slice_mask';

/** Versions of the operators and of the format; the attributes of `Shape` need opset 15. */
const OPSET = 15;
const IR_VERSION = 8;

/** Contents of a file besides the model. */
export interface OnnxFile {
  half: boolean;
  /** Whether there is an input of lengths. */
  lengths: boolean;
  calibration: Calibration | undefined;
  metadata: Record<string, string>;
  card: string;
}

/** The model as the bytes of an ONNX file. */
export async function onnxFile(model: tf.LayersModel, file: OnnxFile): Promise<Uint8Array> {
  const weights = await readWeights(model);
  const graph = new Graph(file.half);
  const { shape } = model.inputs[0]!;
  const mask = file.lengths ? maskOfLengths(graph, 'images', 'lengths') : undefined;
  const output = addModel(graph, model, { name: 'images', shape, mask }, weights);
  const logits = withoutNumbersOfNothing(graph, output.name, model.outputs[0]!.shape.length, mask);
  const probabilities = graph.op('Sigmoid', [calibrated(graph, logits, file.calibration)]);
  rename(graph, { [logits]: 'logits', [probabilities]: 'probabilities' });

  const axes = ['batch', 'slices', 'height', 'width', 'channels'];
  const images = tensor('images', DATA_TYPES.float, shape, axes);
  const lengths = tensor('lengths', DATA_TYPES.int32, [null], axes);
  const out = model.outputs[0]!.shape;
  return encodeModel({
    irVersion: IR_VERSION,
    producerName: 'ct-multilabel',
    producerVersion: VERSION,
    docString: file.card,
    graph: {
      node: graph.nodes,
      name: model.name,
      initializer: graph.tensors,
      input: file.lengths ? [images, lengths] : [images],
      output: ['logits', 'probabilities'].map((name) => tensor(name, DATA_TYPES.float, out, axes)),
    },
    opsetImport: [{ domain: '', version: OPSET }],
    metadataProps: Object.entries(file.metadata).map(([key, value]) => ({ key, value })),
  });
}

/**
 * The logits, NaN for every stack with a pixel that is not finite, of which runtimes make a number (their ReLU and maximum
 * turn NaN into zero), and for one without slices.
 */
function withoutNumbersOfNothing(
  graph: Graph,
  logits: string,
  rank: number,
  mask: SliceMask | undefined,
): string {
  const pixels = graph.reshape(withoutPadding(graph, 'images', mask, 5), [[0, -1]]);
  const sum = graph.op('ReduceSum', [pixels, graph.ints([1])], { keepdims: 0 });
  // a number less itself is zero, infinity less itself is not
  const wrong = graph.op('IsNaN', [graph.op('Sub', [sum, sum])]);
  const empty = mask && graph.op('Less', [mask.lengths, graph.op('Cast', [graph.ints([1])], { to: DATA_TYPES.int32 })]); // prettier-ignore
  const none = empty ? graph.op('Or', [wrong, empty]) : wrong;
  const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  const nan = graph.floats([NaN], []);
  return graph.op('Where', [graph.op('Unsqueeze', [none, graph.ints(axes)]), nan, logits]);
}

function calibrated(graph: Graph, logits: string, calibration: Calibration | undefined): string {
  if (!calibration) return logits;
  const scaled = graph.op('Mul', [logits, graph.floats(calibration.scale)]);
  return graph.op('Add', [scaled, graph.floats(calibration.offset)]);
}

/** Renames values of the graph. */
function rename(graph: Graph, names: Readonly<Record<string, string>>): void {
  const renamed = (name: string) => names[name] ?? name;
  for (const node of graph.nodes) {
    node.input = node.input.map(renamed);
    node.output = node.output.map(renamed);
  }
}

/** Type and shape of a value, with names for its dynamic axes. */
function tensor(
  name: string,
  elemType: number,
  shape: readonly (number | null)[],
  axes: readonly string[],
): ValueMessage {
  const dim = shape.map((size, axis) => (size === null ? { dimParam: axes[axis]! } : { dimValue: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}
