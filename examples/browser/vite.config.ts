import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const repository = fileURLToPath(new URL('../..', import.meta.url));

// Needed only in this repository: a page that has installed the package resolves it without.
export default defineConfig({
  resolve: { alias: [{ find: /^ct-multilabel$/, replacement: `${repository}/src/index.ts` }] },
  server: { fs: { allow: [repository] } },
  build: { target: 'es2022', chunkSizeWarningLimit: 2500 },
});
