/**
 * The backbones.
 *
 * @module backbones
 */

export * from './all';
export { BACKBONES, type BackboneName } from './registry';
