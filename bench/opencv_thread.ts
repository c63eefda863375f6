/** A worker thread that prepares stacks with OpenCV, for bench/streaming.bench.ts. */
import { parentPort } from 'node:worker_threads';
import { openCv } from './opencv';
import { prepareWithOpenCv, type Step } from './opencv_slices';

const cv = (await openCv())!;
parentPort!.on('message', async ({ id, files, step }: { id: number; files: string[]; step: Step }) => {
  const stack = await prepareWithOpenCv(cv, files, step);
  parentPort!.postMessage({ id, stack }, [stack.values.buffer]);
});
