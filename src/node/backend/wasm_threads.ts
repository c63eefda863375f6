import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { runJobs } from '../../backends/wasm/threads/run_jobs';
import type { ThreadPlatform } from '../../backends/wasm/threads/team';

const PROGRAM = `const { workerData, parentPort } = require('node:worker_threads');
(${runJobs.toString()})(workerData, () => parentPort.postMessage('ready'));`;

/** Node's worker threads. They do not keep the process alive. */
export const nodeThreads: ThreadPlatform = {
  parallelism: availableParallelism,
  hindrance: () => undefined,
  async start(task) {
    const worker = new Worker(PROGRAM, { eval: true, workerData: task });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
    });
    worker.unref();
    return { stop: () => worker.terminate() };
  },
};
