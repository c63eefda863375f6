import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { flag, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import type { Labels } from '../base/types';
import { checkCalibration } from '../metrics/calibration';
import { checkThreshold } from '../metrics/decide';
import { modelParts } from '../models/model_parts';
import { DESCRIPTION_RULES, WRITTEN_ANEW, type CheckpointDescription } from '../saving/checkpoint_format';
import { createPreprocessing } from '../transforms/preprocessing';

/**
 * Options of {@link exportOnnx}.
 *
 * @inline
 */
export interface ExportOnnxOptions extends Partial<CheckpointDescription> {
  /**
   * Type in which kernels are stored. `'float16'` halves the file and rounds them to 11 significant bits; the
   * computation stays in float32, which every runtime supports.
   * @defaultValue 'float32'
   */
  precision?: 'float32' | 'float16';
  /**
   * Adds an input `lengths`, int32 `[batch]`: how many slices of each stack are real; those after them are padding.
   * Leave it out if stacks are never padded: onnxruntime for JavaScript requires every input of a model.
   * @defaultValue false
   */
  lengths?: boolean;
}

/** A loaded model is exported with `{ ...manifest }`. */
const RULES = {
  ...DESCRIPTION_RULES,
  labels: optional(DESCRIPTION_RULES.labels),
  preprocessing: optional(DESCRIPTION_RULES.preprocessing),
  precision: optional(oneOf(['float32', 'float16']), 'float32'),
  lengths: optional(flag, false),
} satisfies Rules<ExportOnnxOptions>;

/**
 * Writes a model as an ONNX file, for onnxruntime in Node, in a page, in Python or on a server.
 *
 * The first input is `images`, float32 `[batch, slices, height, width, channels]` with any batch size and number of
 * slices, prepared as for the model itself. The first output is `logits`, `[batch, slices, labels]` (`[batch, labels]`
 * for a patient-level model); the second is `probabilities`, of the same shape: calibrated if a calibration is given,
 * otherwise the sigmoid of the logits. Both are NaN for a stack with a pixel that is not finite. The metadata contain, as JSON, `labels`, `thresholds`, `calibration`,
 * `preprocessing`, `model` and `training`, if given, and a `model_card` as text. The operators are those of opset 15.
 *
 * @param model - A model of `buildCtBrainModel`, with any backbone.
 * @returns The file's bytes.
 * @throws ArgumentError for a layer that cannot be exported, naming it, or options that do not fit the model;
 * NonFiniteError for a weight that is not finite.
 * @example
 * ```ts
 * await writeFile('brain.onnx', await exportOnnx(model, { ...manifest, precision: 'float16' }));
 * ```
 * @see https://onnx.ai
 */
export async function exportOnnx(model: tf.LayersModel, options: ExportOnnxOptions = {}): Promise<Uint8Array> {
  const what = 'exportOnnx';
  const { precision, lengths, ...given } = resolveOptions(what, options, RULES, WRITTEN_ANEW);
  modelParts(model);
  const count = model.outputs[0]!.shape.at(-1)!;
  const { labels = (model as { labels?: Labels }).labels, calibration, thresholds, preprocessing } = given;
  const names = `one for each of the model's ${count} outputs`;
  check(labels === undefined || labels.length === count, `${what}: labels`, names, labels);
  if (thresholds !== undefined) checkThreshold(`${what}: thresholds`, thresholds, count);
  if (calibration !== undefined) checkCalibration(`${what}: calibration`, calibration, count);
  const record = {
    labels,
    thresholds,
    calibration,
    preprocessing: preprocessing && createPreprocessing(preprocessing),
    model: given.model,
    training: given.training,
  };
  const present = Object.entries(record).filter(([, value]) => value !== undefined);
  const metadata = Object.fromEntries(present.map(([key, value]) => [key, JSON.stringify(value)]));
  const card = modelCard(metadata, precision);
  // loaded on demand, with the library that writes the format
  const { onnxFile } = await import('./onnx/model_file');
  const file = { half: precision === 'float16', lengths, calibration, card };
  return onnxFile(model, { ...file, metadata: { ...metadata, model_card: card } });
} // prettier-ignore

/** The model card as text. */
function modelCard(metadata: Readonly<Record<string, string>>, precision: string): string {
  const { labels, training, model, thresholds, calibration, preprocessing } = metadata;
  return [
    'Multi-label classifier of brain CT, exported by ct-multilabel.',
    'Research use only. Not a medical device: not for diagnosis, and not for decisions on patients.',
    `Labels: ${labels ?? 'not recorded'}`,
    `Built from: ${model ?? 'not recorded'}`,
    `Training: ${training ?? 'not recorded'}`,
    `Preprocessing: ${preprocessing ?? 'not recorded'}`,
    `Calibration: ${calibration ?? 'none: probabilities are as the model gives them'}`,
    `Thresholds: ${thresholds ?? '0.5'}`,
    `Kernels stored as ${precision}.`,
  ].join('\n');
}
