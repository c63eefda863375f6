import { printable, shortened } from './describe';

/**
 * Base class of every error this library throws on purpose, so that one `catch` can distinguish them from others.
 *
 * Thrown directly if no subclass fits: for a backend that cannot be started, or worker threads that were closed or
 * failed. `message` is meant for people; `cause` is the underlying error, if there is one.
 *
 * @example
 * ```ts
 * try {
 *   await trainPatients(model, options);
 * } catch (error) {
 *   if (error instanceof NonFiniteError) console.error('try a smaller learning rate');
 *   else if (error instanceof DataError) console.error(error.location.patient, error.message);
 *   else if (error instanceof CtMultilabelError) console.error(error.message);
 *   else throw error; // not from this library: a defect, or an error of tfjs
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
 * An argument is invalid, or its name is unknown. Thrown before anything is done; the message names the argument, the
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
 * Location of an error in a study. Rows are counted from 1, the header, as in a spreadsheet.
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
 * A table, folder or image is invalid, or a patient lacks the requested labels. The message says what was expected and
 * what was found, and ends with {@link DataError.location}.
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
    /** File, row, patient and slice, as far as known. */
    readonly location: DataLocation = {},
    options?: ErrorOptions,
  ) {
    super(message + placeText(location), options);
  }
}

/** ` (patient X, slice Y)`, as far as known. */
function placeText(location: DataLocation): string {
  const where = Object.entries(location)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${printable(shortened(String(value), 1000))}`)
    .join(', ');
  return where === '' ? '' : ` (${where})`;
}

/**
 * A checkpoint, a weight file or the folder of a training run cannot be read, or does not match the model or the
 * settings it is read for. The message names the file and lists the differences.
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
 * A number that must be finite is not: a pixel, a logit, a loss or gradient in training, a weight to be saved. The
 * message says which, and ends with {@link NonFiniteError.location}; in training it also names stage, epoch, step and
 * batch.
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
    /** Patient and slice, as far as known. */
    readonly location: DataLocation = {},
    options?: ErrorOptions,
  ) {
    super(message + placeText(location), options);
  }
}

/**
 * Backend `wasm` has no memory left, or `webgpu` does not support a buffer of that size, ran out of memory or lost its
 * device; the message says what to reduce.
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
