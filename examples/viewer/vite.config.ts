import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin, UserConfig } from 'vite';

const repository = fileURLToPath(new URL('../..', import.meta.url));

// in this repository the library is used as sources; a page that has installed the package does not need this
const source = (entry: string) => `${repository}src/${entry}`;
const isRepository = existsSync(source('index.ts'));

/** What package.json says of side effects is of the built library; of its sources, it would lose the layers that register themselves. */
const keepsRegistration = (): Plugin => ({
  name: 'keeps-registration',
  transform: (code, id) =>
    isRepository && id.startsWith(source('')) ? { code, map: null, moduleSideEffects: true } : undefined,
});

// allow the worker several threads
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default {
  // relative paths, which work in any folder of a server
  base: './',
  resolve: {
    alias: isRepository
      ? [
          { find: /^ct-multilabel$/, replacement: source('index.ts') },
          { find: /^ct-multilabel\/dicom$/, replacement: source('dicom/index.ts') },
        ]
      : [],
  },
  worker: { format: 'es', plugins: () => [keepsRegistration()] },
  server: { fs: { allow: [repository] }, headers },
  preview: { headers },
  build: { target: 'es2022', chunkSizeWarningLimit: 2500 },
} satisfies UserConfig;
