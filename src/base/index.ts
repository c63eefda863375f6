/**
 * Errors, types and seeded random numbers that every room uses.
 *
 * @module base
 */

export {
  ArgumentError,
  check,
  CheckpointError,
  checkKnownKeys,
  checkOneOf,
  CtMultilabelError,
  DataError,
  describe,
  isPositiveInteger,
  NonFiniteError,
  OutOfMemoryError,
  type DataLocation,
} from './errors';
export {
  IGNORED_LABEL,
  type AugmentationDraw,
  type ConfiguredFn,
  type ByLabel,
  type Kwargs,
  type Labels,
  type LossFn,
  type Shape,
  type TorchLoadable,
  type TorchParameter,
} from './types';
export { deriveSeed, seededRandom, shuffled, type Random } from './random';
