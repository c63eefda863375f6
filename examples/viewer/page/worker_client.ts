/// <reference types="vite/client" />
import workerUrl from '../worker/worker.ts?worker&url';
import type { FromWorker, Progress, TaskName, Tasks, ToWorker } from '../protocol';

/** A task sent to the worker. */
export interface Task<T> {
  done: Promise<T>;
  /** Cancels it at the worker's next opportunity. */
  cancel: () => void;
}

interface Waiting {
  resolve: (output: never) => void;
  reject: (error: Error) => void;
  onProgress: (progress: Progress) => void;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let count = 0;

/** Whether an error is the cancellation of a task. */
export const isCancelled = (error: unknown): boolean => (error as Error).name === 'AbortError';

export function ask<K extends TaskName>(
  task: K,
  input: Parameters<Tasks[K]>,
  onProgress: (progress: Progress) => void = () => undefined,
): Task<ReturnType<Tasks[K]>> {
  worker ??= start();
  const id = ++count;
  const done = new Promise<ReturnType<Tasks[K]>>((resolve, reject) => {
    waiting.set(id, { resolve, reject, onProgress });
  });
  worker.postMessage({ id, task, input } as ToWorker);
  return { done, cancel: () => worker?.postMessage({ cancel: id } satisfies ToWorker) };
}

/** From a blob, since only such a worker inherits the page's Content-Security-Policy, on any server. */
function start(): Worker {
  const url = new URL(workerUrl, document.baseURI).href;
  const blob = new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' });
  const made = new Worker(URL.createObjectURL(blob), { type: 'module' });
  made.onmessage = ({ data }: MessageEvent<FromWorker>) => receive(data);
  made.onerror = (event) => {
    event.preventDefault();
    const error = new Error(
      `the worker stopped${event.message ? `: ${event.message}` : ''}; open the files again`,
    );
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    made.terminate();
    worker = undefined;
  };
  return made;
}

function receive(message: FromWorker): void {
  const task = waiting.get(message.id);
  if (task === undefined) return;
  if ('progress' in message) {
    task.onProgress(message.progress);
    return;
  }
  waiting.delete(message.id);
  if ('error' in message)
    task.reject(Object.assign(new Error(message.error.message), { name: message.error.name }));
  else task.resolve(message.output as never);
}
