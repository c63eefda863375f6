import { defineConfig } from 'tsup';
import { modulesStayFiles } from './scripts/modules_stay_files';

/** Entries of the package, as in the `exports` of package.json. */
const ENTRIES = [
  'index',
  'node',
  'layers/index',
  'losses/index',
  'metrics/index',
  'transforms/index',
  'data/index',
  'dicom/index',
  'cli/index',
];

export default defineConfig({
  // Every module stays a file: a bundler can leave out those that a page does not use (`sideEffects` in package.json names
  // those that it must not leave out), and layer classes exist once, whichever entry is imported.
  entry: ['src/**/*.ts', '!src/backends/wasm/assembly/**'],
  esbuildPlugins: [modulesStayFiles],
  // an optional dependency, which tsup would take into the package
  external: ['dcmjs'],
  splitting: false,
  format: ['esm', 'cjs'],
  target: 'es2022',
  dts: {
    entry: Object.fromEntries(ENTRIES.map((entry) => [entry, `src/${entry}.ts`])),
    // TypeScript 6 warns of the baseUrl that the declaration step sets by itself.
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
  // import.meta.url in CommonJS, for finding the file of a worker thread.
  shims: true,
  sourcemap: true,
  clean: true,
});
