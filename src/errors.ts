import * as tf from '@tensorflow/tfjs';

/** Base of every error this library throws on purpose, so that one `catch` can tell ours from others. */
export class CtMultilabelError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An argument broke its rule: the message names the argument, the rule and the value received. */
export class ArgumentError extends CtMultilabelError {}

/** Where in a study something is wrong. Rows count from 1 for the header, as a spreadsheet shows them. */
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

/** A table, folder or image is not what it should be: the message says what, and {@link DataError.location} where. */
export class DataError extends CtMultilabelError {
  constructor(
    message: string,
    readonly location: DataLocation = {},
    options?: ErrorOptions,
  ) {
    const where = Object.entries(location)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name} ${shortened(String(value), 1000)}`)
      .join(', ');
    super(where === '' ? message : `${message} (${where})`, options);
  }
}

/** A saved model or weight file does not fit: the message lists what differs. */
export class CheckpointError extends CtMultilabelError {}

/** The loss or a gradient stopped being a finite number. */
export class NonFiniteError extends CtMultilabelError {}

/** A backend has no memory left; the message says what to lower. */
export class OutOfMemoryError extends CtMultilabelError {}

/**
 * Throws an {@link ArgumentError} unless `ok`.
 *
 * @param what - The argument, e.g. `'asymmetricLoss: clip'`.
 * @param rule - What was expected, e.g. `'a number in [0, 1)'`.
 * @param received - The value that came.
 */
export function check(ok: boolean, what: string, rule: string, received: unknown): asserts ok {
  if (!ok) {
    throw new ArgumentError(`${what}: expected ${rule}, received ${describe(received)}`);
  }
}

/** Throws unless every key of `options` is one of `known`, so that a misspelt option is never silently ignored. */
export function checkKnownKeys(options: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(options)) {
    check(known.includes(key), `${what}: option '${key}'`, `one of ${known.join(', ')}`, key);
  }
}

/** True for integers of at least 1. */
export function isPositiveInteger(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}

/** True for objects as JSON has them: no lists, no null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A short text for a value in an error message: tensors by dtype and shape, never by content. */
export function describe(value: unknown): string {
  return shortened(textOf(value, 0));
}

/** The beginning of a text for an error message: what a file holds may be of any length. */
export function shortened(text: string, most = 200): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** JSON where the value is JSON; else what JSON would hide (NaN, undefined, tensors in a list) or choke on. */
function textOf(value: unknown, depth: number): string {
  if (value instanceof tf.Tensor) return `${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 300));
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
