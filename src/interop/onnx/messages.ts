import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** The part of the ONNX format that is written here, with the names of onnx.proto in camel case. */
export interface ModelMessage {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  docString: string;
  graph: GraphMessage;
  opsetImport: { domain: string; version: number }[];
  metadataProps: { key: string; value: string }[];
}

export interface GraphMessage {
  node: NodeMessage[];
  name: string;
  initializer: TensorMessage[];
  input: ValueMessage[];
  output: ValueMessage[];
}

export interface NodeMessage {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeMessage[];
}

export interface AttributeMessage {
  name: string;
  i?: number;
  s?: string;
  ints?: readonly number[];
  type: number;
}

export interface TensorMessage {
  dims: readonly number[];
  dataType: number;
  name: string;
  /** Little endian. */
  rawData: Uint8Array;
}

export interface ValueMessage {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: ({ dimValue: number } | { dimParam: string })[] } } };
}

/** ONNX's numbers of tensor types. */
export const DATA_TYPES = { float: 1, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** ONNX's numbers of attribute types. */
export const ATTRIBUTE_TYPES = { int: 2, string: 3, ints: 7 } as const;

/** Number and kind of each field; the kind is a scalar type or another message. */
type Fields = Readonly<Record<string, readonly [number: number, kind: string]>>;

/** The part of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that is written here. */
const MESSAGES: Readonly<Record<string, Fields>> = {
  model: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    docString: [6, 'string'],
    graph: [7, 'graph'],
    opsetImport: [8, 'operatorSet'],
    metadataProps: [14, 'entry'],
  },
  operatorSet: { domain: [1, 'string'], version: [2, 'int64'] },
  entry: { key: [1, 'string'], value: [2, 'string'] },
  graph: {
    node: [1, 'node'],
    name: [2, 'string'],
    initializer: [5, 'tensor'],
    input: [11, 'value'],
    output: [12, 'value'],
  },
  node: {
    input: [1, 'string'],
    output: [2, 'string'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'attribute'],
  },
  attribute: { name: [1, 'string'], i: [3, 'int64'], s: [4, 'string'], ints: [8, 'int64'], type: [20, 'int64'] },
  tensor: { dims: [1, 'int64'], dataType: [2, 'int64'], name: [8, 'string'], rawData: [9, 'bytes'] },
  value: { name: [1, 'string'], type: [2, 'type'] },
  type: { tensorType: [1, 'tensorType'] },
  tensorType: { elemType: [1, 'int64'], shape: [2, 'shape'] },
  shape: { dim: [1, 'dimension'] },
  dimension: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
}; // prettier-ignore

/** A model's bytes. */
export const encodeModel = (model: ModelMessage): Uint8Array<ArrayBuffer> =>
  write(new BinaryWriter(), 'model', model).finish();

function write(writer: BinaryWriter, message: string, values: object): BinaryWriter {
  for (const [name, given] of Object.entries(values)) {
    const [number, kind] = MESSAGES[message]![name]!;
    for (const value of Array.isArray(given) ? given : [given]) {
      if (kind === 'int64') writer.tag(number, WireType.Varint).int64(value as number);
      else if (kind === 'string') writer.tag(number, WireType.LengthDelimited).string(value as string);
      else if (kind === 'bytes') writer.tag(number, WireType.LengthDelimited).bytes(value as Uint8Array);
      else write(writer.tag(number, WireType.LengthDelimited).fork(), kind, value as object).join();
    }
  }
  return writer;
}
