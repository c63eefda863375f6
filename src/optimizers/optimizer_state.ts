import * as tf from '@tensorflow/tfjs';
import { describe } from '../base/describe';
import { CheckpointError } from '../base/errors';
import { firstOutside, hostValues } from '../kernels/host_values';
import { momentsOf } from './optimizer_record';

/**
 * The state of an optimizer: step count and moments as `POSITION:NAME`, since tfjs identifies moments by position, and
 * powers of beta by name.
 *
 * @returns New tensors, which the caller disposes.
 */
export async function optimizerState(optimizer: tf.Optimizer): Promise<Record<string, tf.Tensor>> {
  const weights = await optimizer.getWeights();
  const state = Object.fromEntries(weights.map(({ name, tensor }, i) => [`${i}:${name}`, tensor.clone()]));
  weights[0]?.tensor.dispose(); // the step count is a separate tensor, the rest belongs to the optimizer
  for (const name of BIAS_CORRECTION) {
    const power = (optimizer as BiasCorrected)[name];
    if (power) state[name] = power.clone();
  }
  return state;
}

/**
 * Restores a state returned by {@link optimizerState}.
 *
 * @param state - Untrusted; the caller keeps it.
 * @param shapes - Shapes of the optimizer's variables, in order, if known.
 * @throws CheckpointError for the state of another kind of optimizer, of other variables, or with a value that is not
 * finite.
 */
export async function restoreOptimizerState(
  optimizer: tf.Optimizer,
  state: Record<string, tf.Tensor>,
  shapes?: readonly number[][],
): Promise<void> {
  const placed: { place: number; name: string; tensor: tf.Tensor }[] = [];
  for (const [key, tensor] of Object.entries(state)) {
    const [, place, name] = /^(\d+):(.*)$/.exec(key) ?? [];
    if (place !== undefined) placed.push({ place: Number(place), name: name!, tensor });
  }
  placed.sort((a, b) => a.place - b.place);
  const [steps, ...moments] = placed.map(({ tensor }) => tensor);
  if (!steps || steps.dtype !== 'int32' || steps.rank !== 0 || (await steps.data())[0]! < 0) {
    throw new CheckpointError(`optimizer: expected a number of steps, found ${describe(steps)}`);
  }
  const bad = Object.keys(state).find((key) => firstOutside(hostValues(state[key]!) ?? []) !== -1);
  const problem = bad ? `${bad} has values that are not finite` : momentsProblem(optimizer, moments, shapes);
  if (problem !== undefined) throw new CheckpointError(`optimizer: ${problem}`);
  const powers = BIAS_CORRECTION.flatMap((name) => state[name] ?? []);
  const wrong = powers.find(({ dtype, rank }) => dtype !== 'float32' || rank !== 0);
  if (wrong) throw new CheckpointError(`optimizer: expected powers of beta, found a ${describe(wrong)}`);
  const [oldSteps, ...before] = await optimizer.getWeights();
  oldSteps?.tensor.dispose();
  try {
    await optimizer.setWeights(placed);
  } catch (cause) {
    const problem = `the state is not of this ${optimizer.getClassName()}: ${(cause as Error).message}`;
    throw new CheckpointError(problem, { cause });
  }
  tf.dispose(before.map(({ tensor }) => tensor));
  for (const name of BIAS_CORRECTION) {
    const saved = state[name];
    if (saved) (optimizer as BiasCorrected)[name]?.assign(saved as tf.Tensor<tf.Rank.R0>);
  }
}

/** Why an optimizer cannot continue with variables of these shapes, in this order; undefined if it can. */
export async function optimizerProblem(
  optimizer: tf.Optimizer,
  shapes: readonly number[][],
): Promise<string | undefined> {
  const [steps, ...moments] = await optimizer.getWeights();
  steps?.tensor.dispose();
  return momentsProblem(
    optimizer,
    moments.map(({ tensor }) => tensor),
    shapes,
  );
}

/** Problem of the moments, which tfjs would accept unchecked and fail with at the next step. */
function momentsProblem(
  optimizer: tf.Optimizer,
  moments: readonly tf.Tensor[],
  shapes?: readonly number[][],
): string | undefined {
  const kinds = momentsOf(optimizer);
  if (kinds === undefined || moments.length === 0) return undefined; // a custom class, or before its first step
  const variables = shapes?.length ?? Math.floor(moments.length / kinds);
  if (moments.length !== kinds * variables) {
    const wanted = shapes ? `${kinds} of each of ${variables} weights` : `${kinds} of each weight`;
    return `expected moments, ${wanted}, found ${moments.length}`;
  }
  const wanted = (i: number) => shapes?.[i % variables] ?? moments[i % variables]?.shape;
  const wrong = moments.findIndex(
    ({ dtype, shape }, i) => dtype !== 'float32' || shape.join() !== wanted(i)?.join(),
  );
  if (wrong === -1) return undefined;
  return `expected moment ${wrong} as a float32 tensor of shape ${describe(wanted(wrong))}, found a ${describe(moments[wrong])}`;
}

/**
 * Powers of beta that Adam keeps by multiplying step after step. tfjs does not save them, and its restored
 * `pow(beta, steps + 1)` is rounded differently, so a resumed training would drift from one that was never interrupted.
 */
const BIAS_CORRECTION = ['accBeta1', 'accBeta2'] as const;
type BiasCorrected = tf.Optimizer & { [name in (typeof BIAS_CORRECTION)[number]]?: tf.Variable };
