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
   * What kernels are stored as. `'float16'` halves the file and rounds them to 11 significant bits; it computes in float32 all the same,
   * so that every runtime can.
   * @defaultValue 'float32'
   */
  precision?: 'float32' | 'float16';
  /**
   * Adds an input `lengths`, int32 `[batch]`: how many slices of each stack are real, those after them being padding. onnxruntime for
   * JavaScript cannot leave out an input that a model has, so one that never meets padding is better off without.
   * @defaultValue false
   */
  lengths?: boolean;
}

/** A model that was loaded is exported with `{ ...manifest }`. */
const RULES = {
  ...DESCRIPTION_RULES,
  labels: optional(DESCRIPTION_RULES.labels),
  preprocessing: optional(DESCRIPTION_RULES.preprocessing),
  precision: optional(oneOf(['float32', 'float16']), 'float32'),
  lengths: optional(flag, false),
} satisfies Rules<ExportOnnxOptions>;

/**
 * Writes a model as an ONNX file, for onnxruntime in any language: in Node, in a page, in Python, on a server.
 *
 * First input `images`, float32 `[batch, slices, height, width, channels]`, batch and slices free, prepared as for the model itself. First
 * output `logits`, `[batch, slices, labels]` (`[batch, labels]` of a model of patients); second `probabilities`, of the same shape,
 * calibrated where a calibration is given, else the logits' sigmoids. The file's metadata hold, as JSON, `labels`, `thresholds`,
 * `calibration`, `preprocessing`, `model` and `training`, where they are given, and a `model_card` in words. Operators are those of
 * opset 15.
 *
 * @param model - A model of `buildCtBrainModel`, its backbone maybe your own.
 * @returns The file's bytes.
 * @throws ArgumentError for a layer that there is no way for in ONNX, naming it, or options that do not fit the model.
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
  const names = `one for each of ${count} outputs of the model`;
  check(labels === undefined || labels.length === count, `${what}: labels`, names, labels);
  if (thresholds !== undefined) {
    checkThreshold(`${what}: thresholds`, thresholds, count);
  }
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
  // with the library that writes the format, only when it is asked for
  const { onnxFile } = await import('./onnx/model_file');
  const file = { half: precision === 'float16', lengths, calibration, card };
  return onnxFile(model, { ...file, metadata: { ...metadata, model_card: card } });
} // prettier-ignore

/** What a reader of the file must know, in words. */
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
