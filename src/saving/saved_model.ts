import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { shortened } from '../base/describe';
import { ArgumentError, CheckpointError } from '../base/errors';
import { anything, callback, flag, optional, resolveOptions, type Rules } from '../base/options';
import {
  checkpointArtifacts,
  modelFromArtifacts,
  trainedShapes,
  type SavedCtBrainModel,
  type TrainedWith,
} from './checkpoint_artifacts';
import { DESCRIPTION_RULES, WRITTEN_ANEW, type CheckpointDescription } from './checkpoint_format';
import { compileRecord } from './compile_record';
import { optimizerProblem } from '../optimizers/optimizer_state';
import { optimizerRecord } from '../optimizers/optimizer_record';

/**
 * What {@link saveCtBrainModel} saves in addition to the model.
 *
 * @inline
 */
export interface SaveCtBrainModelOptions extends CheckpointDescription {
  /**
   * Whether loss, metrics and optimizer with its state are saved, to continue training. With Adam they triple the size.
   * @defaultValue true
   */
  includeOptimizer?: boolean;
  /**
   * Optimizer of a custom training loop, as for `trainStep`.
   * @defaultValue that of the compiled model, if it is compiled
   */
  optimizer?: tf.Optimizer;
}

/** A loaded model is saved with `{ ...manifest, thresholds }`. */
const SAVE_RULES = {
  ...DESCRIPTION_RULES,
  includeOptimizer: optional(flag, true),
  optimizer: optional(anything),
} satisfies Rules<SaveCtBrainModelOptions>;

/**
 * Options of {@link loadCtBrainModel}.
 *
 * @inline
 */
export interface LoadCtBrainModelOptions {
  /**
   * Whether the model is compiled as it was when saved; a model used only for prediction needs no optimizer.
   * @defaultValue true
   */
  includeOptimizer?: boolean;
  /** Called with the loaded fraction, in 0..1, if the model is loaded over HTTP. */
  onProgress?: (fraction: number) => void;
}

const LOAD_RULES = {
  includeOptimizer: optional(flag, true),
  onProgress: optional(callback),
} satisfies Rules<LoadCtBrainModelOptions>;

/**
 * Saves a model with everything needed to predict and to continue training: labels, preprocessing, thresholds,
 * calibration, and for a compiled model loss, metrics and optimizer with its state. {@link loadCtBrainModel} reads it.
 *
 * The artifacts have the format of tfjs and of a checkpoint folder: `tf.loadLayersModel` reads them as a plain model.
 * What tfjs's format lacks is stored in its user-defined metadata; other metadata of the model are kept.
 *
 * @param handlerOrUrl - A tfjs handler, or a URL that tfjs writes to: `indexeddb://NAME`, `localstorage://NAME`,
 * `downloads://NAME` in a browser, `http(s)://…`, and `file://FOLDER` in Node with `ct-multilabel/node`.
 * @returns The handler's result.
 * @throws ArgumentError for a URL that no handler takes, or a loss, metric or optimizer that cannot be saved: supported
 * are `asymmetricLoss`, `f2Metric`, `weightedLogLossMetric`, those of tfjs, and tfjs's optimizers except Adamax;
 * NonFiniteError for a weight that is not finite; CheckpointError for a description that does not match the model;
 * errors of the handler.
 * @example
 * ```ts
 * model.compile({ optimizer: adam(1e-4), loss: asymmetricLoss({ gammaNeg: 2 }), metrics: [f2Metric()] });
 * await model.fit(images, labels);
 * await saveCtBrainModel(model, 'indexeddb://brain', { labels: CT_LABELS, preprocessing: createPreprocessing() });
 * ```
 */
export async function saveCtBrainModel(
  model: tf.LayersModel,
  handlerOrUrl: tf.io.IOHandler | string,
  options: SaveCtBrainModelOptions,
): Promise<tf.io.SaveResult> {
  const fn = 'saveCtBrainModel';
  const resolved = resolveOptions(fn, options, SAVE_RULES, WRITTEN_ANEW);
  const { includeOptimizer, optimizer, ...description } = resolved;
  const contradicts = optimizer !== undefined && !includeOptimizer;
  check(!contradicts, `${fn}: optimizer`, 'none, since includeOptimizer is false', optimizer);
  const outputs = model.outputs.map(({ shape }) => shape.at(-1));
  const { labels } = description;
  const fits = outputs.length === 1 && outputs[0] === labels.length;
  check(fits, `${fn}: labels`, `one for each of ${outputs} outputs of the model`, labels);
  const handler = handlerFor(fn, handlerOrUrl, 'save');
  const trained = includeOptimizer ? await trainedWith(fn, model, optimizer) : undefined;
  return handler.save!(await checkpointArtifacts(fn, model, description, trained));
}

/**
 * Loads a model saved by {@link saveCtBrainModel}, or by `saveCheckpoint` in Node: a checkpoint folder may be served
 * unchanged.
 *
 * The data are untrusted: they are checked before they are passed to tfjs, and no more memory is used than the weights
 * need.
 *
 * @param handlerOrUrl - A tfjs handler, such as `tf.io.browserFiles(files)` or `tf.io.http(url, { requestInit })`, or a
 * URL that tfjs reads from: `indexeddb://NAME`, `localstorage://NAME`, `http(s)://…/model.json` or a path on the page's
 * server, and `file://FOLDER` in Node with `ct-multilabel/node`.
 * @returns The model; dispose it, and the optimizer if there is one, when they are no longer needed.
 * @throws ArgumentError for a URL that no handler takes; CheckpointError for a model that cannot be read, is of a newer
 * version, truncated or inconsistent, with place and reason. Nothing is leaked then.
 * @example
 * ```ts
 * const { model, manifest } = await loadCtBrainModel('https://example.org/brain/model.json', { includeOptimizer: false });
 * const logits = await predictStack(model, preprocess(images, manifest.preprocessing));
 * ```
 */
export async function loadCtBrainModel(
  handlerOrUrl: tf.io.IOHandler | string,
  options: LoadCtBrainModelOptions = {},
): Promise<SavedCtBrainModel> {
  const fn = 'loadCtBrainModel';
  const { includeOptimizer, ...loading } = resolveOptions(fn, options, LOAD_RULES);
  const handler = handlerFor(fn, handlerOrUrl, 'load', loading);
  const place = typeof handlerOrUrl === 'string' ? shortened(handlerOrUrl) : fn;
  let artifacts: tf.io.ModelArtifacts;
  try {
    artifacts = await handler.load!();
  } catch (cause) {
    throw new CheckpointError(`${place}: cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return await modelFromArtifacts(artifacts, includeOptimizer);
  } catch (cause) {
    throw new CheckpointError(`${place}: ${(cause as Error).message}`, { cause });
  }
}

/** How training of the saved model is to continue. */
async function trainedWith(
  fn: string,
  model: tf.LayersModel,
  optimizer: tf.Optimizer | undefined,
): Promise<TrainedWith | undefined> {
  if (optimizer) return { record: { optimizer: optimizerRecord(fn, optimizer) }, optimizer };
  // undefined before the model is compiled
  const own = model.optimizer as tf.Optimizer | undefined;
  if (!own) return undefined;
  const record = compileRecord(fn, model);
  const problem = await optimizerProblem(own, trainedShapes(model));
  if (problem !== undefined) {
    throw new ArgumentError(
      `${fn}: the model's optimizer has updated other weights than model.fit would: ${problem}; compile the model again, ` +
        `or pass the optimizer of a custom training loop as option 'optimizer'`,
    );
  }
  return { record, optimizer: own };
}

/** tfjs's handler for a URL, or the given handler. */
function handlerFor(
  fn: string,
  handlerOrUrl: tf.io.IOHandler | string,
  direction: 'save' | 'load',
  loadOptions?: tf.io.LoadOptions,
): tf.io.IOHandler {
  if (typeof handlerOrUrl !== 'string') {
    const handles = typeof (handlerOrUrl as tf.io.IOHandler | undefined)?.[direction] === 'function';
    check(handles, `${fn}: handlerOrUrl`, `a URL, or an object with a method '${direction}'`, handlerOrUrl);
    return handlerOrUrl;
  }
  const handlers =
    direction === 'save'
      ? tf.io.getSaveHandlers(handlerOrUrl)
      : tf.io.getLoadHandlers(handlerOrUrl, loadOptions);
  if (handlers.length === 1) return handlers[0]!;
  // as in tf.loadLayersModel
  if (handlers.length === 0 && direction === 'load' && !handlerOrUrl.includes('://')) {
    return tf.io.http(handlerOrUrl, loadOptions);
  }
  throw new ArgumentError(
    `${fn}: expected a URL that exactly one handler of tfjs can ${direction}, received ${shortened(handlerOrUrl)}, which ${handlers.length} can; ` +
      'indexeddb:// and localstorage:// need a browser, file:// needs ct-multilabel/node',
  );
}
