/**
 * Checkpoints: what a saved model says of itself.
 *
 * @module saving
 */

export { type CheckpointDescription, type CheckpointManifest } from './checkpoint_format';

export { loadCtBrainModel, saveCtBrainModel } from './saved_model';
