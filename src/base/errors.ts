import { printable, shortened } from './describe';

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
