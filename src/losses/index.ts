/**
 * The losses, without the layers that `ct-multilabel` always brings.
 *
 * @module ct-multilabel/losses
 */

export {
  AsymmetricLoss,
  asymmetricLoss,
  type AsymmetricLossFn,
  type AsymmetricLossOptions,
} from './asymmetric_loss';
