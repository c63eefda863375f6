/** A Web Worker that is one of the team's threads: a file, since pages may forbid workers that are made of text. */
import { runJobs, type ThreadTask } from './run_jobs';

addEventListener(
  'message',
  ({ data }: MessageEvent<ThreadTask>) => runJobs(data, () => postMessage('ready')),
  { once: true },
);
