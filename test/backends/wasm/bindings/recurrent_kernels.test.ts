import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { expect, it } from 'vitest';
import { guardWasmMemory } from '../../../../src/backends/wasm/runtime/memory_guard';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { OutOfMemoryError } from '../../../../src/base/errors';
import { LabelRNNDecoder } from '../../../../src/layers/label_rnn_decoder';
import { lstmRecurrence } from '../../../../src/layers/recurrence/lstm_recurrence';
import { SliceDependencyGRU } from '../../../../src/layers/slice_dependency_gru';
import { expectClose } from '../../../support/matchers';
import { noise } from '../support';

const NAMES = ['CtGruForward', 'CtGruBackward', 'CtLstmForward', 'CtLstmBackward'];
const present = () => NAMES.filter((name) => tf.getKernel(name, 'wasm') !== undefined);

/** What the host's heap is seen through; see `host_module.ts`. */
interface Inside {
  wasm: { asm: object };
}

it('give back what they took where memory does not suffice', async () => {
  await tf.setBackend('wasm');
  expect(registerWasmTrainingKernels()).toBe(true);
  guardWasmMemory();
  const [kernel, bias, initial] = [tf.zeros([8, 32]), tf.zeros([32]), tf.zeros([1000, 8])];
  const before = tf.backend().numDataIds();
  // 640 MB of outputs fit; what the backward pass would need does not
  expect(() => lstmRecurrence([{ kernel, bias }], initial, 20_000)).toThrow(OutOfMemoryError);
  expect(tf.backend().numDataIds()).toBe(before);
  tf.dispose([kernel, bias, initial]);
});

it('are there only where the heap of the host can be reached; without them the layers give the same', async () => {
  await tf.setBackend('wasm');
  for (const name of present()) tf.unregisterKernel(name, 'wasm');
  const layers = [
    new SliceDependencyGRU({ units: 6, seed: 1 }),
    new LabelRNNDecoder({ labels: 3, units: 6, bidirectional: true, seed: 2 }),
    new LabelRNNDecoder({ labels: 3, units: 6, cell: 'gru', seed: 3 }),
  ];
  const x = noise([2, 4, 5], 4);
  const run = () => layers.map((layer) => layer.apply(x) as tf.Tensor);

  const { wasm } = tf.backend() as unknown as Inside;
  const { asm } = wasm;
  wasm.asm = { ...asm, memory: undefined };
  expect(registerWasmTrainingKernels()).toBe(true);
  expect(present()).toEqual([]);
  const composed = run();

  wasm.asm = asm;
  expect(registerWasmTrainingKernels()).toBe(true);
  expect(present()).toEqual(NAMES);
  run().forEach((y, i) => expectClose(y, composed[i]!, 1e-5));
});
