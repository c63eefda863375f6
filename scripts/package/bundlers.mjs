// Three bundlers, each as its users run it: tree-shaken, minified, TensorFlow.js left outside.
import { nodeResolve } from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import { build as vite } from 'vite';

const EXTERNAL = /^@tensorflow\/tfjs/;

/** By name: from an entry file to the files of its bundle, the entry's first, `{ name, code }`. */
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
    // the file of a worker is an asset, which has a source
    return output.map(({ fileName, code, source }) => ({ name: fileName, code: code ?? String(source) }));
  },
};
