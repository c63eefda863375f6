// Three bundlers with the usual settings: tree-shaken, minified, with TensorFlow.js external.
import { nodeResolve } from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import { build as vite } from 'vite';

const EXTERNAL = /^@tensorflow\/tfjs/;

/** By name: a function from an entry file to the files of its bundle, `{ name, code }`, the entry's first. */
export const BUNDLERS = {
  async esbuild(entry) {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      splitting: true,
      format: 'esm',
      platform: 'browser',
      external: ['@tensorflow/tfjs*'],
      write: false,
      outdir: 'out',
      logLevel: 'error',
    });
    return outputFiles.map(({ path, text }) => ({ name: path, code: text }));
  },
  async rollup(entry) {
    const bundle = await rollup({
      input: entry,
      external: EXTERNAL,
      plugins: [nodeResolve({ browser: true })],
    });
    const { output } = await bundle.generate({ format: 'es' });
    return Promise.all(
      output.map(async ({ fileName, code }) => ({
        name: fileName,
        code: (await esbuild.transform(code, { minify: true, format: 'esm' })).code,
      })),
    );
  },
  async vite(entry) {
    const { output } = await vite({
      configFile: false,
      logLevel: 'error',
      build: {
        write: false,
        minify: true,
        modulePreload: false,
        rollupOptions: { input: entry, external: EXTERNAL, preserveEntrySignatures: 'strict' },
      },
    });
    // a worker's file is an asset with a source
    return output.map(({ fileName, code, source }) => ({ name: fileName, code: code ?? String(source) }));
  },
};
