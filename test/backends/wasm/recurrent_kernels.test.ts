import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { LabelRNNDecoder } from '../../../src/layers/label_rnn_decoder';
import { SliceDependencyGRU } from '../../../src/layers/slice_dependency_gru';
import { expectClose } from '../../support/matchers';
import { noise } from './support';

const NAMES = ['CtGruForward', 'CtGruBackward', 'CtLstmForward', 'CtLstmBackward'];
const present = () => NAMES.filter((name) => tf.getKernel(name, 'wasm') !== undefined);

/** What the host's heap is seen through; see `host_module.ts`. */
interface Inside {
  wasm: { asm: object };
}

it('are there only where the heap of the host can be reached; without them the layers give the same', async () => {
  expect(registerWasmTrainingKernels()).toBe(true);
  expect(present()).toEqual(NAMES); // no backend runs yet: it is looked at when it starts
  await tf.setBackend('wasm');
  expect(present()).toEqual(NAMES);
  const layers = [
    new SliceDependencyGRU({ units: 6, seed: 1 }),
    new LabelRNNDecoder({ labels: 3, units: 6, bidirectional: true, seed: 2 }),
    new LabelRNNDecoder({ labels: 3, units: 6, cell: 'gru', seed: 3 }),
  ];
  const x = noise([2, 4, 5], 4);
  const run = () => layers.map((layer) => layer.apply(x) as tf.Tensor);
  const compiled = run();

  const { wasm } = tf.backend() as unknown as Inside;
  const { asm } = wasm;
  wasm.asm = { ...asm, memory: undefined };
  try {
    registerWasmTrainingKernels();
    expect(present()).toEqual([]);
    run().forEach((y, i) => expectClose(y, compiled[i]!, 1e-5));

    // a backend that starts later is looked at then
    tf.removeBackend('wasm');
    registerWasmTrainingKernels();
    expect(present()).toEqual(NAMES);
  } finally {
    wasm.asm = asm;
  }
});
