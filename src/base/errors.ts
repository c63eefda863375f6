import * as tf from '@tensorflow/tfjs';

/**
 * Base of every error this library throws on purpose, so that one `catch` can tell ours from others.
 *
 * Thrown itself where no class below fits: a backend that cannot be started, worker threads that have been closed or have failed.
 * `message` is meant to be read; `cause` is the error below, where there is one.
 *
 * @example
 * ```ts
 * try {
 *   await trainPatients(model, options);
 * } catch (error) {
 *   if (error instanceof NonFiniteError) console.error('try a smaller learning rate');
 *   else if (error instanceof DataError) console.error(error.location.patient, error.message);
 *   else if (error instanceof CtMultilabelError) console.error(error.message);
 *   else throw error; // not ours: a defect, or the host's
 * }
 * ```
 */
export class CtMultilabelError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * An argument broke its rule, or has a name that nobody knows. Thrown before anything is done; the message names the argument, the
 * rule and the value received.
 *
 * @example
 * ```ts
 * try {
 *   buildCtBrainModel({ labels: [] });
 * } catch (error) {
 *   if (error instanceof ArgumentError) console.error(error.message);
 * }
 * ```
 */
export class ArgumentError extends CtMultilabelError {}

/**
 * Where in a study something is wrong. Rows count from 1 for the header, as a spreadsheet shows them.
 *
 * @inline
 */
export interface DataLocation {
  /** File or folder, as the caller named it. */
  file?: string;
  /** Row of a table, the header being row 1. */
  row?: number;
  /** Patient (folder name in the challenge's layout). */
  patient?: string;
  /** Slice (file name in the challenge's layout). */
  slice?: string;
}

/**
 * A table, folder or image is not what it should be, or a patient lacks the labels that are asked for. The message says what was
 * expected and what was found, and ends with {@link DataError.location}.
 *
 * @example
 * ```ts
 * try {
 *   await study.load('ID_001');
 * } catch (error) {
 *   if (error instanceof DataError) console.error(error.location.file, error.location.slice);
 * }
 * ```
 */
export class DataError extends CtMultilabelError {
  constructor(
    message: string,
    /** File, row, patient and slice, as far as they are known. */
    readonly location: DataLocation = {},
    options?: ErrorOptions,
  ) {
    super(message + placeText(location), options);
  }
}

/** ` (patient X, slice Y)`, as far as they are known. */
function placeText(location: DataLocation): string {
  const where = Object.entries(location)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${printable(shortened(String(value), 1000))}`)
    .join(', ');
  return where === '' ? '' : ` (${where})`;
}

/**
 * A checkpoint, a weight file or the folder of a training run cannot be read, or does not belong to the model or the settings it is
 * read for. The message names the file and lists what differs.
 *
 * @example
 * ```ts
 * try {
 *   await loadCheckpoint('runs/first');
 * } catch (error) {
 *   if (error instanceof CheckpointError) console.error(error.message); // which file, and what differs
 * }
 * ```
 */
export class CheckpointError extends CtMultilabelError {}

/**
 * A number is not finite where it must be: a pixel, a logit, a loss or gradient of a training, a weight that is to be saved. The
 * message says what it is, and ends with {@link NonFiniteError.location}; that of a training names stage, epoch, step and batch too.
 *
 * @example
 * ```ts
 * try {
 *   await trainPatients(model, { train, validation, seed: 1, learningRate: 0.5 });
 * } catch (error) {
 *   if (error instanceof NonFiniteError) console.error('a smaller step, then:', error.message);
 * }
 * ```
 */
export class NonFiniteError extends CtMultilabelError {
  constructor(
    message: string,
    /** Patient and slice, as far as they are known. */
    readonly location: DataLocation = {},
    options?: ErrorOptions,
  ) {
    super(message + placeText(location), options);
  }
}

/**
 * Backend `wasm` has no memory left, or `webgpu` takes no buffer of that size, ran out of memory or lost its device; the message says
 * what to lower.
 *
 * @example
 * ```ts
 * try {
 *   await trainPatients(model, options);
 * } catch (error) {
 *   if (!(error instanceof OutOfMemoryError)) throw error;
 *   await trainPatients(model, { ...options, memoryBudget: 128 * 2 ** 20 });
 * }
 * ```
 */
export class OutOfMemoryError extends CtMultilabelError {}

/**
 * Throws an ArgumentError unless `ok`.
 *
 * @param what - The argument, e.g. `'asymmetricLoss: clip'`.
 * @param rule - What was expected, e.g. `'a number in [0, 1)'`.
 * @param received - The value that came.
 * @example
 * ```ts
 * const gamma = 2;
 * check(gamma >= 0, 'myLoss: gamma', 'a number of at least 0', gamma);
 * ```
 */
export function check(ok: boolean, what: string, rule: string, received: unknown): asserts ok {
  if (!ok) {
    throw new ArgumentError(`${what}: expected ${rule}, received ${describe(received)}`);
  }
}

/**
 * Throws an ArgumentError unless every key of `options` is one of `known`, so that a misspelt option is never silently
 * ignored.
 *
 * @param what - Whose options, e.g. `'asymmetricLoss'`.
 * @example
 * ```ts
 * checkKnownKeys({ gammaNegative: 4 }, ['gammaNeg', 'gammaPos'], 'asymmetricLoss');
 * // asymmetricLoss: unknown option 'gammaNegative'; did you mean 'gammaNeg'? known: gammaNeg, gammaPos
 * ```
 */
export function checkKnownKeys(options: object, known: readonly string[], what: string): void {
  check(typeof options === 'object' && options !== null, `${what}: options`, 'an object', options);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const meant = nearestName(key, known);
    const hint = meant === undefined ? ';' : `; did you mean '${meant}'?`;
    throw new ArgumentError(`${what}: unknown option '${shortened(key)}'${hint} known: ${known.join(', ')}`);
  }
}

/**
 * Throws an ArgumentError unless `value` is one of `names`; the message suggests the nearest.
 *
 * @param what - The argument, e.g. `'buildCtBrainModel: variant'`.
 * @example
 * ```ts
 * checkOneOf('vgg-16', BACKBONES, 'backbone');
 * // backbone: expected one of 'resnet18', 'squeezenet1_1', 'vgg16', received "vgg-16"; did you mean 'vgg16'?
 * ```
 */
export function checkOneOf<Name extends string>(
  value: unknown,
  names: readonly Name[],
  what: string,
): asserts value is Name {
  if (names.includes(value as Name)) return;
  const quoted = names.map((name) => `'${name}'`);
  const rule = names.length === 2 ? quoted.join(' or ') : `one of ${quoted.join(', ')}`;
  const meant = typeof value === 'string' ? nearestName(value, names) : undefined;
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  throw new ArgumentError(`${what}: expected ${rule}, received ${describe(value)}${hint}`);
}

/**
 * True for integers of at least 1.
 *
 * @example
 * ```ts
 * isPositiveInteger(3); // true
 * isPositiveInteger(0.5); // false
 * ```
 */
export function isPositiveInteger(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}

/** True for objects as JSON has them: no lists, no null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A short text for a value in an error message: tensors by dtype and shape, never by content.
 *
 * @example
 * ```ts
 * describe(tf.zeros([2, 3])); // 'float32 tensor of shape [2, 3]'
 * ```
 */
export function describe(value: unknown): string {
  return shortened(textOf(value, 0));
}

/** Whether a text has control characters: line ends, and what a terminal takes for commands. */
export const hasControl = (text: string): boolean => CONTROL.test(text);

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A text whose control characters are written out, so that none reaches a terminal. */
const printable = (text: string): string =>
  text.replace(
    new RegExp(CONTROL, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The beginning of a text for an error message: what a file holds may be of any length. */
export function shortened(text: string, most = 200): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** The known name that was probably meant; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const distances = known.map((other) => editDistance(name.toLowerCase(), other.toLowerCase()));
  const smallest = Math.min(...distances);
  const nearest = known[distances.indexOf(smallest)];
  // a name of which half or more would change is another name
  return nearest !== undefined && smallest < Math.max(name.length, nearest.length) / 2 ? nearest : undefined;
}

/** No option has a longer name; what a file gives may be of any length. */
const LONGEST_NAME = 64;

/** Fewest insertions, deletions and replacements of a character that make `a` of `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row[b.length]!;
}

/** JSON where the value is JSON; else what JSON would hide (NaN, undefined, tensors in a list) or choke on. */
function textOf(value: unknown, depth: number): string {
  if (value instanceof tf.Tensor) return `${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'string') return printable(JSON.stringify(value.slice(0, 300)));
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > 4) return '…'; // deep enough to say what it is, also for a value that holds itself
  if (Array.isArray(value)) {
    return `[${value
      .slice(0, 200)
      .map((item) => textOf(item, depth + 1))
      .join()}]`;
  }
  // not the value's own `constructor`, which in JSON from a file can be anything
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype) return `a ${prototype?.constructor.name ?? 'value'}`;
  const entries = Object.entries(value).slice(0, 200);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${textOf(item, depth + 1)}`).join()}}`;
}
