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
 * What {@link saveCtBrainModel} keeps beside the model.
 *
 * @inline
 */
export interface SaveCtBrainModelOptions extends CheckpointDescription {
  /**
   * Whether loss, metrics and optimizer with its state are kept, for going on with the training. They triple the size with Adam.
   * @defaultValue true
   */
  includeOptimizer?: boolean;
  /**
   * Optimizer of a custom training loop, as `trainStep` takes it.
   * @defaultValue the one that the model was compiled with, if it was
   */
  optimizer?: tf.Optimizer;
}

/** A model that was loaded is saved with `{ ...manifest, thresholds }`. */
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
   * Whether the model is compiled as it was saved; a model that is only to predict needs no optimizer.
   * @defaultValue true
   */
  includeOptimizer?: boolean;
  /** Called with the share that has come, in 0..1, where the model comes over HTTP. */
  onProgress?: (fraction: number) => void;
}

const LOAD_RULES = {
  includeOptimizer: optional(flag, true),
  onProgress: optional(callback),
} satisfies Rules<LoadCtBrainModelOptions>;

/**
 * Saves a model with all that predicting and training on need: labels, preprocessing, thresholds, calibration, and of a compiled
 * model loss, metrics and optimizer with its state. {@link loadCtBrainModel} reads it.
 *
 * The artifacts are those of tfjs and of a checkpoint folder: `tf.loadLayersModel` reads them as a plain model. What tfjs has no
 * place for is in its user-defined metadata; others that the model has there are kept.
 *
 * @param handlerOrUrl - A tfjs handler, or a URL that tfjs writes to: `indexeddb://NAME`, `localstorage://NAME`, `downloads://NAME`
 * in a browser, `http(s)://…`, and `file://FOLDER` in Node with `ct-multilabel/node`.
 * @returns What the handler says of it.
 * @throws ArgumentError for a URL that no handler takes, or a loss, metric or optimizer that cannot be saved: kept are
 * `asymmetricLoss`, `f2Metric`, `weightedLogLossMetric`, those of tfjs, and tfjs's optimizers but Adamax;
 * NonFiniteError for a weight that is not finite;
 * CheckpointError for a description that does not fit the model; the handler's errors.
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
 * Loads what {@link saveCtBrainModel}, or `saveCheckpoint` in Node, saved: a checkpoint folder may be served as it is.
 *
 * What comes is untrusted: it is checked before tfjs meets it, and no more memory is taken than its weights need.
 *
 * @param handlerOrUrl - A tfjs handler, such as `tf.io.browserFiles(files)` or `tf.io.http(url, { requestInit })`, or a URL that tfjs
 * reads from: `indexeddb://NAME`, `localstorage://NAME`, `http(s)://…/model.json` or a path of the page's own server, and
 * `file://FOLDER` in Node with `ct-multilabel/node`.
 * @returns The model; dispose it, and the optimizer where there is one, when they are no longer needed.
 * @throws ArgumentError for a URL that no handler takes; CheckpointError for a model that cannot be read, is of a
 * newer version, cut off, or contradicts itself, saying where and what. Nothing is left behind then.
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

/** What the saved model is to be trained on with. */
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
      `${fn}: the model's optimizer has stepped other weights than model.fit would: ${problem}; compile the model anew, ` +
        `or give the optimizer of a custom training loop as option 'optimizer'`,
    );
  }
  return { record, optimizer: own };
}

/** The one handler that tfjs has for a URL, or the one that is given. */
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
  // as tf.loadLayersModel takes it
  if (handlers.length === 0 && direction === 'load' && !handlerOrUrl.includes('://')) {
    return tf.io.http(handlerOrUrl, loadOptions);
  }
  throw new ArgumentError(
    `${fn}: expected a URL of which one handler of tfjs can ${direction}, received ${shortened(handlerOrUrl)}, which ${handlers.length} take; ` +
      'indexeddb:// and localstorage:// are of browsers, file:// needs ct-multilabel/node',
  );
}
