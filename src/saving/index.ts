/**
 * Checkpoints: what a saved model says of itself.
 *
 * @module saving
 */

export {
  createCheckpointManifest,
  parseCheckpointManifest,
  type CheckpointDescription,
  type CheckpointManifest,
} from './checkpoint_format';
export { type SavedCtBrainModel } from './checkpoint_artifacts';
export { type CompileRecord, type FunctionRecord } from './compile_record';
export {
  loadCtBrainModel,
  saveCtBrainModel,
  type LoadCtBrainModelOptions,
  type SaveCtBrainModelOptions,
} from './saved_model';
