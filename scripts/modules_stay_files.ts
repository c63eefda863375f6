import type { Plugin } from 'esbuild';

/** Compiles every source module to a separate file, without bundling. */
export const modulesStayFiles: Plugin = {
  name: 'modules-stay-files',
  setup({ initialOptions, onResolve }) {
    const extension = initialOptions.format === 'cjs' ? '.cjs' : '.js';
    onResolve({ filter: /^\.\.?\// }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: path + extension, external: true },
    );
  },
};
