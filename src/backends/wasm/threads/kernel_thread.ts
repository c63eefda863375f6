/**
 * A Web Worker that is one of the team's threads: a separate file, since pages may forbid workers created from text.
 */
import { runJobs, type ThreadTask } from './run_jobs';

addEventListener(
  'message',
  ({ data }: MessageEvent<ThreadTask>) => runJobs(data, () => postMessage('ready')),
  { once: true },
);
