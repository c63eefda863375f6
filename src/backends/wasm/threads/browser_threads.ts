import type { ThreadPlatform } from './team';

/** Web Workers as threads. */
export const browserThreads: ThreadPlatform = {
  parallelism: () => navigator.hardwareConcurrency,
  hindrance() {
    const lacks = [
      ...('WorkerGlobalScope' in globalThis
        ? []
        : ["a Web Worker that starts the backend, since a page's main thread may not wait for others"]),
      ...(globalThis.crossOriginIsolated
        ? []
        : [
            'a cross-origin isolated page: it and its workers are served with the headers Cross-Origin-Opener-Policy: same-origin and ' +
              'Cross-Origin-Embedder-Policy: require-corp',
          ]),
    ];
    return lacks.length === 0 ? undefined : `threads need ${lacks.join('; and ')}`;
  },
  start: (task) =>
    new Promise((resolve, reject) => {
      // in this form bundlers find the file, and a page that allows only files of its own takes it
      const worker = new Worker(new URL('./kernel_thread.js', import.meta.url), { type: 'module' });
      worker.onmessage = () => resolve({ stop: async () => worker.terminate() });
      worker.onerror = (event) => {
        worker.terminate();
        const why = event.message || 'it could not be loaded';
        reject(new Error(`kernel_thread.js, which stands beside the file that starts it: ${why}`));
      };
      worker.postMessage(task);
    }),
};
