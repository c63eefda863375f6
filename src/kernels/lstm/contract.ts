/**
 * Kernels of an LSTM with zero inputs, with `RecurrentAttrs` and directions as for a GRU.
 *
 * Forward: for each direction `kernel` `[units, 4 units]` and `bias` `[4 units]`; then `initial` `[batch, units]`.
 * Outputs the states, and the tensor saved for the backward pass.
 */
export const LSTM_FORWARD_KERNEL = 'CtLstmForward';

/**
 * Inputs `dy`, the saved tensor `kept`, and `kernel` for each direction. Outputs for each direction the gradients of
 * kernel and bias; then, for each direction, that of the initial state.
 */
export const LSTM_BACKWARD_KERNEL = 'CtLstmBackward';
