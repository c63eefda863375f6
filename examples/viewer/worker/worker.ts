// The worker: runs the page's tasks one after another, and reports their progress.
import type { FromWorker, Progress, TaskName, Tasks, ToWorker } from '../protocol';
import { explain } from './explain';
import { listFiles, listSample } from './listing';
import { openModel, storedModels, storeModel } from './models';
import { heatMapFiles, report } from './results';
import { score } from './score';
import { read, stack } from './stacks';
import type { Running } from './running';

/** Runs a task. */
type Run<K extends TaskName> = (
  running: Running,
  ...input: Parameters<Tasks[K]>
) => ReturnType<Tasks[K]> | Promise<ReturnType<Tasks[K]>>;

const TASKS: { [K in TaskName]: Run<K> } = {
  list: listFiles,
  sample: listSample,
  read,
  stack,
  openModel,
  storedModels,
  storeModel,
  score,
  explain,
  report,
  heatMapFiles,
};

/** The worker's global, whose types are in another library than the page's. */
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage: (message: FromWorker, transfer?: Transferable[]) => void;
};

const running = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  if ('cancel' in data) {
    running.get(data.cancel)?.abort(new DOMException('cancelled', 'AbortError'));
    return;
  }
  running.set(data.id, new AbortController());
  last = last.then(() => perform(data));
};

async function perform({ id, task, input }: Exclude<ToWorker, { cancel: number }>): Promise<void> {
  const { signal } = running.get(id)!;
  const say = (progress: Progress) => scope.postMessage({ id, progress });
  try {
    signal.throwIfAborted();
    const output = await (TASKS[task] as Run<TaskName>)({ say, signal }, ...(input as never));
    scope.postMessage({ id, output }, transferable(output));
  } catch (cause) {
    const { name, message } = cause as Error;
    scope.postMessage({ id, error: { name, message } });
  } finally {
    running.delete(id);
  }
}

/** Transfers pixels instead of copying them, since results are only needed by the page. */
function transferable(output: unknown): Transferable[] {
  const values = output instanceof Uint8Array ? output : (output as { values?: unknown }).values;
  return ArrayBuffer.isView(values) ? [values.buffer as ArrayBuffer] : [];
}
