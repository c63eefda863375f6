import type * as tf from '@tensorflow/tfjs';
import { GRU_BACKWARD_KERNEL, GRU_FORWARD_KERNEL, type RecurrentAttrs } from '../../../kernels/gru/contract';
import { LSTM_BACKWARD_KERNEL, LSTM_FORWARD_KERNEL } from '../../../kernels/lstm/contract';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import { spanOf, type HostWorkspace } from '../runtime/workspace';

/** Tensors by the names of the contract. */
type Inputs = Record<string, tf.TensorInfo | undefined>;

/** See its contract, as for the others here. They exist in compiled form only: elsewhere layers compose operations. */
export const gruForward = wasmKernel<string, RecurrentAttrs>(GRU_FORWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.inputs0!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const y = scratch.make([batch, steps, directions * units]);
    const layout = gruLayout(steps, batch, units);
    const kept = scratch.make([directions, layout.size]);
    inWorkspace(backend, ({ kernels, ...at }) => {
      const working = at.scratch(kernels.gruForwardScratch({ batch, units }));
      for (let d = 0; d < directions; d++) {
        const states = d * layout.size;
        setInitial(floats(backend, kept).subarray(states, states + batch * units), backend, inputs.initial);
        kernels.gruForward({
          ...{ steps, batch, units, reverse: d, scratch: working },
          x: at.address(inputs[`inputs${d}`]),
          kernel: at.address(inputs[`kernel${d}`]),
          bias: at.address(inputs[`bias${d}`]),
          mask: at.address(inputs.mask),
          states: at.address(kept, states),
          gates: at.address(kept, states + layout.gates),
          ...{ y: at.address(y, d * units), yStep: 4 * directions * units },
        });
      }
    });
    return [y, kept];
  });
});

export const gruBackward = wasmKernel<string, RecurrentAttrs>(GRU_BACKWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.dy!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const layout = gruLayout(steps, batch, units);
    const gradients = Array.from({ length: directions }, () => ({
      inputs: scratch.make([batch, steps, 3 * units]),
      kernel: scratch.make([units, 3 * units]),
      bias: scratch.make([3 * units]),
      initial: inputs.initial && scratch.make([batch, units]),
    }));
    inWorkspace(backend, ({ kernels, ...at }) => {
      const working = at.scratch(kernels.gruBackwardScratch({ steps, batch, units }));
      gradients.forEach((gradient, d) => {
        const states = d * layout.size;
        kernels.gruBackward({
          ...{ steps, batch, units, reverse: d, scratch: working },
          ...{ dy: at.address(inputs.dy, d * units), dyStep: 4 * directions * units },
          kernel: at.address(inputs[`kernel${d}`]),
          mask: at.address(inputs.mask),
          states: at.address(inputs.kept, states),
          gates: at.address(inputs.kept, states + layout.gates),
          dx: at.address(gradient.inputs),
          dKernel: at.address(gradient.kernel),
          dBias: at.address(gradient.bias),
          dInitial: at.address(gradient.initial),
        });
      });
    });
    return [
      ...gradients.flatMap(({ inputs: dx, kernel, bias }) => [dx, kernel, bias]),
      ...gradients.flatMap(({ initial }) => initial ?? []),
    ];
  });
});

export const lstmForward = wasmKernel<string, RecurrentAttrs>(LSTM_FORWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch, units] = inputs.initial!.shape as [number, number];
  return Scratch.useMany(backend, (scratch) => {
    const y = scratch.make([batch, steps, directions * units]);
    const layout = lstmLayout(steps, batch, units);
    const kept = scratch.make([directions, layout.size]);
    inWorkspace(backend, ({ kernels, ...at }) => {
      const working = at.scratch(kernels.lstmForwardScratch({ batch, units }));
      for (let d = 0; d < directions; d++) {
        const states = d * layout.size;
        const cells = states + layout.cells;
        setInitial(floats(backend, kept).subarray(states, states + batch * units), backend, inputs.initial);
        setInitial(floats(backend, kept).subarray(cells, cells + batch * units), backend, undefined);
        kernels.lstmForward({
          ...{ steps, batch, units, reverse: d, scratch: working },
          kernel: at.address(inputs[`kernel${d}`]),
          bias: at.address(inputs[`bias${d}`]),
          states: at.address(kept, states),
          cells: at.address(kept, cells),
          gates: at.address(kept, states + layout.gates),
          ...{ y: at.address(y, d * units), yStep: 4 * directions * units },
        });
      }
    });
    return [y, kept];
  });
});

export const lstmBackward = wasmKernel<string, RecurrentAttrs>(LSTM_BACKWARD_KERNEL, (args) => {
  const { backend, attrs } = args;
  const inputs: Inputs = args.inputs;
  const { directions, steps } = attrs;
  const [batch] = inputs.dy!.shape as [number];
  const [units] = inputs.kernel0!.shape as [number];
  return Scratch.useMany(backend, (scratch) => {
    const layout = lstmLayout(steps, batch, units);
    const gradients = Array.from({ length: directions }, () => ({
      kernel: scratch.make([units, 4 * units]),
      bias: scratch.make([4 * units]),
      initial: scratch.make([batch, units]),
    }));
    inWorkspace(backend, ({ kernels, ...at }) => {
      const working = at.scratch(kernels.lstmBackwardScratch({ steps, batch, units }));
      gradients.forEach(({ kernel, bias, initial }, d) => {
        const states = d * layout.size;
        kernels.lstmBackward({
          ...{ steps, batch, units, reverse: d, scratch: working },
          ...{ dy: at.address(inputs.dy, d * units), dyStep: 4 * directions * units },
          kernel: at.address(inputs[`kernel${d}`]),
          states: at.address(inputs.kept, states),
          cells: at.address(inputs.kept, states + layout.cells),
          gates: at.address(inputs.kept, states + layout.gates),
          dKernel: at.address(kernel),
          dBias: at.address(bias),
          dInitial: at.address(initial),
        });
      });
    });
    return [
      ...gradients.flatMap(({ kernel, bias }) => [kernel, bias]),
      ...gradients.map(({ initial }) => initial),
    ];
  });
});

/** Where a direction's part of what is kept holds what, in values: states first. */
function gruLayout(steps: number, batch: number, units: number): { gates: number; size: number } {
  const gates = (steps + 1) * batch * units;
  return { gates, size: gates + steps * batch * 4 * units };
}

function lstmLayout(
  steps: number,
  batch: number,
  units: number,
): { cells: number; gates: number; size: number } {
  const cells = (steps + 1) * batch * units;
  return { cells, gates: 2 * cells, size: 2 * cells + steps * batch * 5 * units };
}

function setInitial(state: Float32Array, backend: WasmBackend, initial: tf.TensorInfo | undefined): void {
  if (initial === undefined) state.fill(0);
  else state.set(floats(backend, initial));
}

/** What a kernel needs of the workspace. */
interface Addresses extends Pick<HostWorkspace, 'kernels'> {
  /** Of a tensor's values from `start` on; 0 for no tensor. */
  address(info: tf.TensorInfo | undefined, start?: number): number;
  scratch(bytes: number): number;
}

function inWorkspace(backend: WasmBackend, work: (addresses: Addresses) => void): void {
  const workspace = hostWorkspace(backend)!; // where there is none these kernels are not registered
  const address = (info: tf.TensorInfo | undefined, start = 0) =>
    info === undefined ? 0 : workspace.input({ ...spanOf(info), start });
  const { kernels } = workspace;
  workspace.scope(backend, () => work({ kernels, address, scratch: (bytes) => workspace.scratch(bytes) }));
}
