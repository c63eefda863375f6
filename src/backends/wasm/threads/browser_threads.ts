import type { ThreadPlatform } from './team';

/** Web Workers as threads. */
export const browserThreads: ThreadPlatform = {
  parallelism: () => navigator.hardwareConcurrency,
  hindrance() {
    const lacks = [
      ...('WorkerGlobalScope' in globalThis
        ? []
        : ["a Web Worker that starts the backend, since a page's main thread must not block"]),
      ...(globalThis.crossOriginIsolated
        ? []
        : [
            'a cross-origin isolated page: serve it and its workers with the headers Cross-Origin-Opener-Policy: same-origin and ' +
              'Cross-Origin-Embedder-Policy: require-corp',
          ]),
    ];
    return lacks.length === 0 ? undefined : `threads need ${lacks.join('; and ')}`;
  },
  start: (task) =>
    new Promise((resolve, reject) => {
      // bundlers recognise this form, and it works in pages that only allow their own files
      const worker = new Worker(new URL('./kernel_thread.js', import.meta.url), { type: 'module' });
      worker.onmessage = () => resolve({ stop: async () => worker.terminate() });
      worker.onerror = (event) => {
        worker.terminate();
        const why = event.message || 'it could not be loaded';
        reject(new Error(`kernel_thread.js, expected beside the file that starts it: ${why}`));
      };
      worker.postMessage(task);
    }),
};
