import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import { flag, oneOf, optional, positiveInteger } from '../base/options';
import type { LayerArgs, LayerVariable, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { CtLayer, oneShape, SEED, type LayerCall, type LayerRules } from './layer';
import { addLinear, applyLinear, checkSlices, type Linear } from './support';

/**
 * Options of {@link SlicePooling}.
 *
 * @inline
 */
export interface SlicePoolingArgs extends LayerArgs {
  /** The largest value of each feature, or a mean of the slices with learned weights. */
  mode: 'max' | 'attention';
  /**
   * Width of the hidden layer that scores a slice, in mode `'attention'`.
   * @defaultValue 128
   */
  units?: number;
  /**
   * Whether the hidden layer is multiplied by a gate `sigmoid(U h + c)`, in mode `'attention'`.
   * @defaultValue false
   */
  gated?: boolean;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

const RULES: LayerRules<SlicePoolingArgs> = {
  mode: oneOf(['max', 'attention']),
  units: optional(positiveInteger, 128),
  gated: optional(flag, false),
  seed: SEED,
};

/**
 * Pools a patient's slices, whatever their number and order.
 *
 * - `'max'`: `y = max_k h_k`, per feature. The gradient goes to the first of several equal slices.
 * - `'attention'`: `y = sum_k a_k h_k`, `a = softmax_k(w . tanh(V h_k + b))`, or with `gated`
 *   `softmax_k(w . (tanh(V h_k + b) * sigmoid(U h_k + c)))`. A bias next to `w` would cancel in the softmax.
 *
 * Input `[batch, slices, ...rest, features]`, output `[batch, ...rest, features]`; with attention every index of `rest`
 * (a label) has its own weights of the slices, from the same `V` and `w`. For a single slice the output is that slice.
 * With a mask `[batch, slices]`, padding slices are ignored, whatever they contain; if all slices of a patient are
 * masked the output is 0. The mask is not passed on.
 *
 * @throws ArgumentError for options out of range, an input of rank below 3, or no slices.
 * @example
 * ```ts
 * const patients = new SlicePooling({ mode: 'attention' }).apply(tf.randomNormal([1, 32, 512])); // [1, 512]
 * ```
 * @see Ilse, Tomczak and Welling, "Attention-based Deep Multiple Instance Learning", ICML 2018.
 */
export class SlicePooling extends CtLayer<SlicePoolingArgs> implements TorchLoadable {
  static className = 'SlicePooling';
  declare readonly mode: 'max' | 'attention';
  declare readonly units: number;
  declare readonly gated: boolean;
  private hidden: Linear | undefined;
  private gate: Linear | undefined;
  private rating: LayerVariable | undefined;

  constructor(args: SlicePoolingArgs) {
    super(args, RULES);
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = oneShape(inputShape, this.name);
    const features = shape.at(-1);
    check(shape.length >= 3, this.name, 'input [batch, slices, ..., features]', shape);
    check(isPositiveInteger(features), this.name, 'a fixed number of features', shape);
    if (this.mode === 'attention') {
      const { units } = this;
      const linear = (prefix: string, n: number) =>
        addLinear(this, { prefix, inputs: features, outputs: units, n });
      this.hidden = linear('hidden_', 0);
      if (this.gated) this.gate = linear('gate_', 2);
      this.rating = this.uniformWeight('rating_kernel', [units, 1], units, 4);
    }
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor], { mask }: LayerCall): tf.Tensor {
    check(x.rank >= 3, this.name, 'input [batch, slices, ..., features]', x);
    checkSlices(x, x.rank, this.name);
    const real = mask && tf.cast(alongSlices(mask, x.rank), 'bool');
    // padding must not count even if it is NaN
    const slices = real ? tf.where(real, x, tf.zerosLike(x)) : x;
    return this.mode === 'max' ? firstMaximum(slices, real) : this.weightedMean(slices, mask);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, , ...rest] = oneShape(inputShape, this.name) as [Shape[0], ...Shape];
    return [batch, ...rest];
  }

  /** None: there are no slices to mask any more. */
  override computeMask(): tf.Tensor {
    return null as unknown as tf.Tensor;
  }

  /**
   * The names of the authors' modules: `attention.0.*` (V, b) and `attention.2.*` (w), or with `gated`
   * `attention_V.0.*`, `attention_U.0.*` and `attention_w.*`. The bias next to w has no effect and is ignored.
   */
  torchParameters(): TorchParameter[] {
    if (!this.hidden || !this.rating) return [];
    const linear = (name: string, { kernel, bias }: Linear): TorchParameter[] => [
      { name: `${name}.weight`, variable: kernel, permute: [1, 0] },
      { name: `${name}.bias`, variable: bias },
    ];
    const rating = this.gate ? 'attention_w' : 'attention.2';
    return [
      ...linear(this.gate ? 'attention_V.0' : 'attention.0', this.hidden),
      ...(this.gate ? linear('attention_U.0', this.gate) : []),
      { name: `${rating}.weight`, variable: this.rating, permute: [1, 0] },
      { name: `${rating}.bias` },
    ];
  }

  private weightedMean(x: tf.Tensor, mask: tf.Tensor2D | undefined): tf.Tensor {
    let hidden: tf.Tensor = tf.tanh(applyLinear(x, this.hidden!));
    if (this.gate) hidden = tf.mul(hidden, tf.sigmoid(applyLinear(x, this.gate)));
    const flat = tf.reshape(hidden, [-1, this.units]) as tf.Tensor2D;
    const ratings = tf.reshape(tf.matMul(flat, this.rating!.read() as tf.Tensor2D), x.shape.slice(0, -1));
    const weights = softmaxOverSlices(ratings, mask);
    return tf.sum(tf.mul(tf.expandDims(weights, -1), x), 1);
  }
}
tf.serialization.registerClass(SlicePooling);

/** A mask [batch, slices] as [batch, slices, 1, ...], of rank `rank`. */
const alongSlices = (mask: tf.Tensor, rank: number): tf.Tensor =>
  tf.reshape(mask, [...mask.shape, ...Array<number>(rank - 2).fill(1)]);

/** Below any relevant float32, and finite: a patient masked everywhere still has a softmax. */
const LOWEST = -3e38;

/**
 * The largest of `x` over its `real` slices.
 *
 * tfjs's own maximum passes the whole gradient to each of several equal values, and loses NaN on some backends.
 */
function firstMaximum(x: tf.Tensor, real: tf.Tensor | undefined): tf.Tensor {
  const choose = (values: tf.Tensor) => {
    const candidates = real ? tf.where(real, values, tf.fill(values.shape, LOWEST)) : values;
    const places = tf.range(0, values.shape[1]!, 1, 'int32');
    const first = tf.expandDims(tf.argMax(candidates, 1), 1);
    return tf.cast(tf.equal(alongSlices(tf.expandDims(places), values.rank), first), 'float32');
  };
  const pick = tf.customGrad((values, save) => {
    const chosen = choose(values as tf.Tensor);
    (save as tf.GradSaveFunc)([chosen]);
    return {
      value: tf.sum(tf.mul(values as tf.Tensor, chosen), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(tf.expandDims(dy, 1), saved[0]!),
    };
  });
  return pick(x);
}

/** Softmax of [batch, slices, ...] over the slices; masked ones get 0, also if all are masked. */
function softmaxOverSlices(x: tf.Tensor, mask: tf.Tensor2D | undefined): tf.Tensor {
  const real = mask && alongSlices(mask, x.rank);
  const ratings = real ? tf.where(tf.cast(real, 'bool'), x, tf.fill(x.shape, LOWEST)) : x;
  // tfjs takes a softmax over the last axis only
  const axes = Array.from({ length: x.rank }, (_, axis) => axis);
  const toEnd = [...axes.filter((axis) => axis !== 1), 1];
  const back = axes.map((axis) => toEnd.indexOf(axis));
  const weights = tf.transpose(tf.softmax(tf.transpose(ratings, toEnd)), back);
  return real ? tf.mul(weights, real) : weights;
}
