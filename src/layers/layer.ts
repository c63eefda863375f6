import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { finiteNumber, optional, resolveOptions, type Rule, type Rules } from '../base/options';
import type { Kwargs, LayerArgs, LayerVariable, Shape } from '../base/types';

/** Arguments of a call besides the inputs: which slices are real, and whether to train. */
export interface LayerCall {
  /** 1 for real slices and 0 for padding, float32 `[batch, slices]`; undefined if all are real. */
  mask?: tf.Tensor2D | undefined;
  training?: boolean | undefined;
}

/** One rule for each option of a layer that is not common to all layers. */
export type LayerRules<Args extends object> = Rules<Omit<Args, keyof LayerArgs>>;

/** The rule for the seed of a layer's initial weights. */
export const SEED = optional(finiteNumber);

/** Options common to all layers, see {@link LayerArgs}. */
const HOST_OPTIONS: readonly (keyof LayerArgs)[] = [
  'name',
  'trainable',
  'dtype',
  'inputShape',
  'batchInputShape',
  'batchSize',
  'weights',
  'inputDType',
];

/** What {@link layerOn} adds to a tfjs class. */
export interface OwnLayer {
  /** The layer's own options, with defaults filled in. */
  readonly options: object;
  /** Checks the number of inputs, and calls `run` within `tf.tidy`. */
  call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): tf.Tensor;
  /**
   * Computes the output, within `tf.tidy`; by default as tfjs's class does.
   * @internal
   */
  run(inputs: tf.Tensor[], call: LayerCall): tf.Tensor;
}

export type Constructor<L> = (new (...args: any[]) => L) & Pick<typeof tf.layers.Layer, 'fromConfig'>; // eslint-disable-line @typescript-eslint/no-explicit-any

/**
 * The tfjs layer of this name with what all layers here share: unknown and invalid options are refused, the number of
 * inputs is checked, and calls run in `tf.tidy`. Configuration and masking are tfjs's.
 */
export function layerOn<L extends tf.layers.Layer>(className: string): Constructor<OwnLayer & L> {
  // tfjs exports only functions for most of its classes
  const [host] = tf.serialization.SerializationMap.getMap().classNameMap[className]!;
  return ours(host as unknown as Constructor<L>);
}

function ours<L extends tf.layers.Layer>(host: Constructor<L>): Constructor<OwnLayer & L> {
  class Own extends (host as Constructor<tf.layers.Layer>) implements OwnLayer {
    readonly options: object;

    constructor(
      args: object,
      rules: Rules<object>,
      private readonly inputCount: 1 | 2 = 1,
    ) {
      super(args);
      // tfjs adds `customObjects` to the configuration of a model that it loads
      const { customObjects: _, ...given } = args as Record<string, unknown>;
      const { className } = new.target as unknown as { className: string };
      for (const [name, rule] of Object.entries(rules as Record<string, Rule<unknown>>)) {
        // JSON has null for an undefined option
        if (given[name] === null && 'absent' in rule && rule.absent === undefined) given[name] = undefined;
      }
      this.options = resolveOptions(className, given as object, rules, HOST_OPTIONS);
    }

    override call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): tf.Tensor {
      const list = Array.isArray(inputs) ? inputs : [inputs];
      const rule = this.inputCount === 1 ? 'one input' : 'two inputs';
      check(list.length === this.inputCount, this.name, rule, inputs);
      return tf.tidy(() => this.run(list, { training: kwargs?.training, mask: sliceMask(kwargs) }));
    }

    run(inputs: tf.Tensor[], call: LayerCall): tf.Tensor {
      return super.call(inputs, call as Kwargs) as tf.Tensor;
    }
  }
  return Own as unknown as Constructor<OwnLayer & L>;
}

/**
 * Base class of the layers: a layer implements `build` for its weights, `run` for its output, and `computeOutputShape`
 * if that differs from the input's.
 *
 * Options become fields and part of the configuration; masks are passed on.
 */
export abstract class CtLayer<Args extends LayerArgs = LayerArgs> extends ours(
  tf.layers.Layer as unknown as Constructor<tf.layers.Layer>,
) {
  /** Seed of the initial weights, for a layer with that option. */
  declare protected readonly seed: number | undefined;

  /** @param inputCount - Number of input tensors. */
  constructor(args: Args, rules: LayerRules<Args>, inputCount: 1 | 2 = 1) {
    super(args, rules, inputCount);
    Object.assign(this, this.options);
    this.supportsMasking = true;
  }

  abstract override run(inputs: tf.Tensor[], call: LayerCall): tf.Tensor;

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return oneShape(inputShape, this.name);
  }

  /** @internal */
  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return (Array.isArray(mask) ? mask.find((m) => m) : mask) as tf.Tensor;
  }

  /** @internal */
  override getConfig(): tf.serialization.ConfigDict {
    const own = Object.entries(this.options).filter(([, value]) => value !== undefined);
    return { ...super.getConfig(), ...(Object.fromEntries(own) as tf.serialization.ConfigDict) };
  }

  /** A seed for the layer's `n`-th weight or draw; undefined if the layer has none. */
  protected nthSeed(n: number): number | undefined {
    return this.seed === undefined ? undefined : this.seed + n;
  }

  /** Creates the layer's `n`-th weight, initialised as in PyTorch: uniform in ±1/sqrt(fanIn). */
  protected uniformWeight(name: string, shape: number[], fanIn: number, n: number): LayerVariable {
    const limit = 1 / Math.sqrt(fanIn);
    const seed = this.nthSeed(n);
    const initializer = tf.initializers.randomUniform({ minval: -limit, maxval: limit, seed });
    return this.addWeight(name, shape, 'float32', initializer, undefined, true);
  }
}

/** The one shape a layer was built for. */
export function oneShape(shape: Shape | Shape[], layer: string): Shape {
  if (!Array.isArray(shape[0])) return shape as Shape;
  check(shape.length === 1, layer, 'one input', shape);
  return shape[0];
}

function sliceMask(kwargs: Kwargs | undefined): tf.Tensor2D | undefined {
  const mask = Array.isArray(kwargs?.mask) ? kwargs.mask[0] : kwargs?.mask;
  return mask ? tf.cast(mask as tf.Tensor2D, 'float32') : undefined;
}
