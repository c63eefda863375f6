/** A thread that reads, decodes, preprocesses and augments stacks; see `PreparationPool`. */
import { parentPort, workerData } from 'node:worker_threads';
import { DataError } from '../../base/errors';
import { hostValues } from '../../kernels/host_values';
import { useBackend } from '../backend/backend';
import type { PreparationOrder, PreparationReply, PreparationThreadData } from './preparation_messages';
import { writeStack } from './shared_stack';
import { SlicePreparation } from './slice_preparation';

const port = parentPort!;
// compiled kernels, on this thread only: the others are busy too
const ready = useBackend('wasm', { threads: 1 }).catch(() => useBackend('cpu'));
const preparation = new SlicePreparation((workerData as PreparationThreadData).settings);

// one stack at a time, in the order of the requests
let last: Promise<unknown> = ready;
port.on('message', (order: PreparationOrder) => {
  last = last.then(() => answer(order));
});

async function answer({ id, request, place }: PreparationOrder): Promise<void> {
  try {
    const stack = await preparation.prepare(request);
    try {
      if (place) {
        writeStack(stack, place);
        return port.postMessage({ id } satisfies PreparationReply);
      }
      // a copy, whose memory can be transferred
      const values = new Float32Array(hostValues(stack)!);
      port.postMessage({ id, values } satisfies PreparationReply, [values.buffer]);
    } finally {
      stack.dispose();
    }
  } catch (error) {
    const { name, message } = error as Error;
    const location = error instanceof DataError ? { location: error.location } : {};
    port.postMessage({ id, error: { name, message, ...location } } satisfies PreparationReply);
  }
}
