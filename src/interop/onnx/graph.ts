import { floatToHalf, HALF_MAX } from '../../base/half';
import { ATTRIBUTE_TYPES, DATA_TYPES, type NodeMessage, type TensorMessage } from './messages';

/** An attribute of a node: an integer, a list of integers, or text. */
type Attribute = number | string | readonly number[];

/** Numbers with a shape. */
export interface Numbers {
  values: ArrayLike<number>;
  shape: readonly number[];
}

/** Collects the nodes and the stored tensors of an ONNX graph. Values are identified by name. */
export class Graph {
  readonly nodes: NodeMessage[] = [];
  readonly tensors: TensorMessage[] = [];
  /** Prefix of the names that are added: that of the layer. */
  scope = '';
  private readonly counts = new Map<string, number>();
  private readonly known = new Map<string, string>();

  /** @param half - Whether to store weights in 16 bits; the computation is in float32 in any case. */
  constructor(private readonly half: boolean) {}

  /** Adds a node with one output and returns the output's name; an input '' is left out. */
  op(opType: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const name = this.named(opType);
    const attribute = Object.entries(attributes).map(([key, value]) => {
      if (typeof value === 'string') return { name: key, s: value, type: ATTRIBUTE_TYPES.string };
      if (typeof value === 'number') return { name: key, i: value, type: ATTRIBUTE_TYPES.int };
      return { name: key, ints: value, type: ATTRIBUTE_TYPES.ints };
    });
    this.nodes.push({ input: [...inputs], output: [name], name, opType, attribute });
    return name;
  }

  /** Stores the weights of a kernel: in 16 bits in a file of half precision, if they all fit. */
  kernel(name: string, numbers: Numbers): string {
    const fits = Array.prototype.every.call(numbers.values, (value: number) => Math.abs(value) <= HALF_MAX);
    if (!this.half || !fits) return this.exact(name, numbers);
    const bits = Uint16Array.from(numbers.values, floatToHalf);
    const stored = this.store(`${name}.half`, numbers.shape, DATA_TYPES.float16, bits);
    return this.op('Cast', [stored], { to: DATA_TYPES.float });
  }

  /** Stores weights in 32 bits: biases and statistics, which take little space. */
  exact(name: string, { values, shape }: Numbers): string {
    return this.store(name, shape, DATA_TYPES.float, Float32Array.from(values));
  }

  /** float32 constants, `[n]` or of a shape. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.once(`float ${shape.join()} ${values.join()}`, () =>
      this.store('constant', shape, DATA_TYPES.float, Float32Array.from(values)),
    );
  }

  /** int64 constants, `[n]` or of a shape. */
  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.once(`int ${shape.join()} ${values.join()}`, () =>
      this.store('constant', shape, DATA_TYPES.int64, BigInt64Array.from(values, BigInt)),
    );
  }

  /** A shape composed of constant sizes and of shapes known only at run time. */
  shape(parts: readonly (string | readonly number[])[]): string {
    const names = parts.map((part) => (typeof part === 'string' ? part : this.ints(part)));
    return names.length === 1 ? names[0]! : this.op('Concat', names, { axis: 0 });
  }

  /** The sizes of a value's axes `start` to `end - 1`. */
  shapeOf(value: string, start: number, end?: number): string {
    return this.once(`shape ${value} ${start} ${end}`, () =>
      this.op('Shape', [value], { start, ...(end !== undefined && { end }) }),
    );
  }

  reshape(value: string, parts: readonly (string | readonly number[])[]): string {
    return this.op('Reshape', [value, this.shape(parts)]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return this.op('Transpose', [value], { perm });
  }

  /** Makes a value once for each key, which must determine it. */
  once(key: string, make: () => string): string {
    const made = this.known.get(key) ?? make();
    this.known.set(key, made);
    return made;
  }

  private store(
    name: string,
    dims: readonly number[],
    dataType: number,
    data: Float32Array | Uint16Array | BigInt64Array,
  ): string {
    const unique = this.named(name);
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.tensors.push({ dims, dataType, name: unique, rawData });
    return unique;
  }

  private named(name: string): string {
    const whole = this.scope === '' ? name : `${this.scope}/${name}`;
    const count = (this.counts.get(whole) ?? 0) + 1;
    this.counts.set(whole, count);
    return count === 1 ? whole : `${whole}_${count}`;
  }
}

/** Numbers with their axes permuted, as by `tf.transpose`. */
export function permuted({ values, shape }: Numbers, order: readonly number[]): Numbers {
  const out = order.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
  const steps = order.map((axis) => strides[axis]!);
  const index = out.map(() => 0);
  let from = 0;
  const moved = Float32Array.from({ length: values.length }, () => {
    const value = values[from]!;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < out[axis]!) break;
      from -= steps[axis]! * out[axis]!;
      index[axis] = 0;
    }
    return value;
  });
  return { values: moved, shape: out };
}
