/**
 * Kernels of a GRU over projected inputs. Inputs of a direction are numbered (`kernel0`, `kernel1`); the second
 * direction runs from the last step to the first. What the forward pass saves for the backward pass is a tensor whose
 * layout depends on the backend.
 *
 * Forward: for each direction `inputs` `[batch, steps, 3 units]`, `kernel` `[units, 3 units]` and `bias` `[3 units]`;
 * optionally `initial` `[batch, units]` and `mask` `[batch, steps]`. Outputs the states
 * `[batch, steps, directions * units]`, and the saved tensor.
 */
export const GRU_FORWARD_KERNEL = 'CtGruForward';

/**
 * Inputs `dy`, the saved tensor `kept` and, as in {@link GRU_FORWARD_KERNEL}, `kernel` for each direction, `initial`
 * and `mask`. Outputs for each direction the gradients of inputs, kernel and bias; then, if there is an initial state,
 * its gradient for each direction.
 */
export const GRU_BACKWARD_KERNEL = 'CtGruBackward';

/** Attributes of both. */
export interface RecurrentAttrs {
  directions: number;
  /** Steps in time. */
  steps: number;
}
