/**
 * The losses, without the layers that `ct-multilabel` always brings.
 *
 * @module losses
 */

export { AsymmetricLoss, asymmetricLoss } from './asymmetric_loss';
