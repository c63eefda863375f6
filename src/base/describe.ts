import * as tf from '@tensorflow/tfjs';

/**
 * A short text for a value in an error message: tensors by dtype and shape, never by content.
 */
export function describe(value: unknown): string {
  return shortened(textOf(value, 0));
}

/** Message of an error, or text of anything else that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether a text has control characters: line breaks, and what a terminal interprets as commands. */
export const hasControl = (text: string): boolean => CONTROL.test(text);

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A text with its control characters escaped, so that none reaches a terminal. */
export const printable = (text: string): string =>
  text.replace(
    new RegExp(CONTROL, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The beginning of a text for an error message: text from a file may be of any length. */
export function shortened(text: string, most = 200): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/**
 * JSON if the value is JSON; otherwise a text for what JSON would hide (NaN, undefined, tensors in a list) or fail on.
 */
function textOf(value: unknown, depth: number): string {
  if (value instanceof tf.Tensor) return `${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'string') return printable(JSON.stringify(value.slice(0, 300)));
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > 4) return '…'; // deep enough to describe it, and ends for a value that contains itself
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
