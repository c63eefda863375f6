// Forwards the bench's requests to a Web Worker, one at a time.
const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });

const ask = (...order: unknown[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.result));
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
    worker.postMessage(order);
  });

Object.assign(window, { ask });
