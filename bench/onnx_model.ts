import * as tf from '@tensorflow/tfjs';

/**
 * VGG16's layers up to the mean over space as an ONNX model with the same weights, for peers that read ONNX: input `x`
 * `[slices, 3, size, size]`, output `y` `[slices, 512]`.
 */
export function vgg16Onnx(backbone: tf.LayersModel, slices: number, size: number): Uint8Array {
  const nodes: Bytes[] = [];
  const weights: Bytes[] = [];
  let last = 'x';
  for (const layer of backbone.layers) {
    const { name } = layer;
    if (layer.getClassName() === 'FusedConv2D') {
      const [kernel, bias] = layer.getWeights() as [tf.Tensor, tf.Tensor];
      const transposed = tf.transpose(kernel, [3, 2, 0, 1]);
      weights.push(tensor(`${name}.weight`, transposed), tensor(`${name}.bias`, bias));
      transposed.dispose();
      const inputs = [last, `${name}.weight`, `${name}.bias`];
      nodes.push(node('Conv', inputs, `${name}.sum`, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
      nodes.push(node('Relu', [`${name}.sum`], name));
    } else if (layer.getClassName() === 'MaxPooling2D') {
      nodes.push(node('MaxPool', [last], name, { kernel_shape: [2, 2], strides: [2, 2] }));
    } else continue;
    last = name;
  }
  nodes.push(node('GlobalAveragePool', [last], 'mean'), node('Flatten', ['mean'], 'y'));
  const graph = joined([
    ...nodes.map((value) => field(1, value)),
    field(2, text('vgg16')),
    ...weights.map((value) => field(5, value)),
    field(11, valueInfo('x', [slices, 3, size, size])),
    field(12, valueInfo('y', [slices, 512])),
  ]);
  const operators = joined([field(1, text('')), integer(2, 13)]);
  return joined([integer(1, 8), field(7, graph), field(8, operators)]);
}

// Protocol buffers, as far as ONNX needs them here.

type Bytes = Uint8Array;

function node(
  operator: string,
  inputs: string[],
  output: string,
  attributes: Record<string, number[]> = {},
): Bytes {
  return joined([
    ...inputs.map((name) => field(1, text(name))),
    field(2, text(output)),
    field(4, text(operator)),
    ...Object.entries(attributes).map(([name, values]) => {
      const listOfIntegers = integer(20, 7);
      return field(
        5,
        joined([field(1, text(name)), ...values.map((value) => integer(8, value)), listOfIntegers]),
      );
    }),
  ]);
}

function tensor(name: string, values: tf.Tensor): Bytes {
  const data = new Uint8Array(values.dataSync<'float32'>().slice().buffer);
  const float = integer(2, 1);
  return joined([
    ...values.shape.map((size) => integer(1, size)),
    float,
    field(8, text(name)),
    field(9, data),
  ]);
}

function valueInfo(name: string, shape: number[]): Bytes {
  const sizes = joined(shape.map((size) => field(1, integer(1, size))));
  const type = joined([integer(1, 1), field(2, sizes)]);
  return joined([field(1, text(name)), field(2, field(1, type))]);
}

const text = (value: string) => new TextEncoder().encode(value);
const integer = (id: number, value: number) => joined([varint(id << 3), varint(value)]);
const field = (id: number, value: Bytes) => joined([varint((id << 3) | 2), varint(value.length), value]);

function varint(value: number): Bytes {
  const out: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  return Uint8Array.from([...out, value]);
}

function joined(parts: Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
