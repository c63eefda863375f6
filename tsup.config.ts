import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/node.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  // TypeScript 6 warns of the baseUrl that the declaration step sets by itself.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // Shared code goes to one chunk: layer classes must exist once, whichever entry is imported.
  splitting: true,
  sourcemap: true,
  clean: true,
  external: [/^@tensorflow\//, 'webgpu', 'sharp'],
});
