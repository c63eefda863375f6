/**
 * Errors, types and seeded random numbers that every room uses.
 *
 * @module base
 */

export {
  ArgumentError,
  CheckpointError,
  CtMultilabelError,
  DataError,
  NonFiniteError,
  OutOfMemoryError,
} from './errors';
export { IGNORED_LABEL, type Labels } from './types';
export { deriveSeed, seededRandom } from './random';
