/**
 * Kernels of a GRU over projected inputs. Directions are numbered in the names of their inputs (`kernel0`, `kernel1`); the second
 * one runs from the last step to the first. What a forward pass keeps for the backward one is a tensor of its own layout.
 *
 * Forward: for each direction `inputs` `[batch, steps, 3 units]`, `kernel` `[units, 3 units]` and `bias` `[3 units]`; then `initial`
 * `[batch, units]` and `mask` `[batch, steps]`, each if there is one. Outputs states `[batch, steps, directions * units]`, and what
 * the backward pass needs.
 */
export const GRU_FORWARD_KERNEL = 'CtGruForward';

/**
 * Inputs `dy`, `kept` and, as in {@link GRU_FORWARD_KERNEL}, `kernel` for each direction, `initial` and `mask`. Outputs for each
 * direction the gradients of inputs, kernel and bias; then, for each direction, that of the initial state if there is one.
 */
export const GRU_BACKWARD_KERNEL = 'CtGruBackward';

/** Attributes of both. */
export interface RecurrentAttrs {
  directions: number;
  /** Steps in time. */
  steps: number;
}
