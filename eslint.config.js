import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Rooms of `src`, lowest first: a file imports only from rooms above its own line in this list, and its own. */
const ROOMS = [
  ['base', 'kernels', 'version.ts'],
  ['drawing'],
  ['layers', 'losses', 'metrics', 'transforms', 'dicom', 'data', 'backends'],
  ['backbones'],
  ['models'],
  ['evaluation'],
  ['optimizers'],
  ['prediction', 'saving', 'explanation'],
  ['training'],
  ['interop'],
  ['report'],
  ['node'],
  ['cli'],
];

/** What only `node/` and `cli/` may import. */
const NATIVE = [
  'node:*',
  'sharp',
  'csv-parse*',
  'cli-progress',
  '@tensorflow/tfjs-backend-*',
  '@tensorflow/tfjs-node*',
];

/** What only `dicom/` and `node/` may import. */
const DICOM_PARTS = ['@cornerstonejs/*', 'jpeg-lossless-decoder-js', 'fflate', 'dcmjs'];

/** For every room but the last, which stands on the public entries, what it must not import: rooms beside it and rooms below it. */
const zones = ROOMS.slice(0, -1).flatMap((row, level) =>
  row.map((room) => ({
    target: `./src/${room}`,
    from: [
      ...(level === 0 ? [] : row.filter((other) => other !== room)),
      ...ROOMS.slice(level + 1).flat(),
      'index.ts',
      'node.ts',
    ].map((other) => `./src/${other}`),
    message: 'Imports run one way: see "How the house is laid out" in CONTRIBUTING.md.',
  })),
);

export default tseslint.config(
  {
    ignores: [
      '**/dist',
      '.compiled',
      'docs/api',
      'coverage',
      'runs',
      'node_modules',
      'src/backends/wasm/{assembly,generated}',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  {
    // Only `node/`, its entry and the command line may touch the file system or a native part.
    files: ['src/**/*.ts'],
    ignores: ['src/node/**', 'src/node.ts', 'src/cli/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: NATIVE }],
      'no-restricted-globals': ['error', 'process', 'Buffer', 'require', '__dirname'],
    },
  },
  {
    // Only `dicom/` reads DICOM; it does so in a page too.
    files: ['src/**/*.ts'],
    ignores: ['src/dicom/**', 'src/node/**', 'src/node.ts', 'src/cli/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [...NATIVE, ...DICOM_PARTS] }],
    },
  },
  {
    // Windows refuses to rename what is open: `move` tries again.
    files: ['src/node/**/*.ts', 'src/cli/**/*.ts'],
    ignores: ['src/node/files/move.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['node:fs/promises', 'node:fs'].map((name) => ({
            name,
            importNames: ['rename', 'renameSync'],
          })),
        },
      ],
    },
  },
  {
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['**/src/**'] }],
    },
  },
  {
    // Research takes what is public from the package's entries, and the rest from its room.
    files: ['research/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['**/src/*.ts'] }],
    },
  },
  {
    files: ['scripts/**/*.mjs', '*.config.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    // Functions that run in the page it drives.
    files: [
      'scripts/package/{backend_checks,page,thread_checks,viewer,visit}.mjs',
      'scripts/check_backends.mjs',
    ],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'window',
          'document',
          'setTimeout',
          'clearTimeout',
          'fetch',
          'File',
          'DataTransfer',
          'DragEvent',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
