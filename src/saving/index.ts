/**
 * Checkpoints: saved models and their descriptions.
 *
 * @module saving
 */

export { type CheckpointDescription, type CheckpointManifest } from './checkpoint_format';

export { loadCtBrainModel, saveCtBrainModel } from './saved_model';
