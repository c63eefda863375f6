// A Web Worker of the page: starts the wasm backend, trains and predicts.
import { startBackend } from '../../../examples/browser/backend';
import { convolve, fresh, recipe } from './work';

export interface Order {
  threads: 'auto' | number;
  /** This thread does hardly any work, so that the others must. */
  idle?: boolean;
}

export type Reply =
  | { error: string }
  | {
      started: Awaited<ReturnType<typeof startBackend>>;
      fresh: Awaited<ReturnType<typeof fresh>>;
      recipe: Awaited<ReturnType<typeof recipe>>;
      convolved: number[];
      /** Jobs that this thread gave to the team, and how often it drew a number for them: once to announce each, once for each unit. */
      jobs: number;
      draws: number;
    };

let [jobs, draws, idle] = [0, 0, false];
const { add, notify } = Atomics;
Object.assign(Atomics, {
  notify(words: Int32Array, index: number) {
    jobs++;
    return notify(words, index);
  },
  add(words: Int32Array, index: number, value: number) {
    draws++;
    // by then the others have done all the work
    if (idle) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return add(words, index, value);
  },
});

async function carryOut(order: Order): Promise<Reply> {
  const started = await startBackend('wasm', { threads: order.threads });
  idle = order.idle === true;
  const result = { fresh: await fresh(), recipe: await recipe(), convolved: await convolve() };
  return { started, ...result, jobs, draws };
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  carryOut(data)
    .catch((error: Error) => ({ error: error.message }))
    .then((reply) => postMessage(reply));
});
