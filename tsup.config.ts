import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    node: 'src/node.ts',
    // a program of its own, that worker threads run
    preparation_thread: 'src/node/preparation_thread.ts',
  },
  format: ['esm', 'cjs'],
  target: 'es2022',
  // TypeScript 6 warns of the baseUrl that the declaration step sets by itself.
  dts: { entry: ['src/index.ts', 'src/node.ts'], compilerOptions: { ignoreDeprecations: '6.0' } },
  // Shared code goes to one chunk: layer classes must exist once, whichever entry is imported.
  splitting: true,
  // import.meta.url in CommonJS, for finding the file of a worker thread.
  shims: true,
  sourcemap: true,
  clean: true,
  external: [/^@tensorflow\//, 'webgpu', 'sharp'],
});
