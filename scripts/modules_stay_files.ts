import type { Plugin } from 'esbuild';

/** Keeps every module of the sources a file of its own, whose imports name the files beside it. */
export const modulesStayFiles: Plugin = {
  name: 'modules-stay-files',
  setup({ initialOptions, onResolve }) {
    const extension = initialOptions.format === 'cjs' ? '.cjs' : '.js';
    onResolve({ filter: /^\.\.?\// }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: path + extension, external: true },
    );
  },
};
