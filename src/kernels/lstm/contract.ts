/**
 * Kernels of an LSTM over zero inputs, with `RecurrentAttrs` and directions as for a GRU.
 *
 * Forward: for each direction `kernel` `[units, 4 units]` and `bias` `[4 units]`; then `initial` `[batch, units]`. Outputs states, and
 * what the backward pass needs.
 */
export const LSTM_FORWARD_KERNEL = 'CtLstmForward';

/**
 * Inputs `dy`, `kept` and `kernel` for each direction. Outputs for each direction the gradients of kernel and bias; then, for each
 * direction, that of the initial state.
 */
export const LSTM_BACKWARD_KERNEL = 'CtLstmBackward';
