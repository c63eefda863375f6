// The steps that a change must pass: `npm run check` and .ci/run both run this list (run_steps.mjs says what $DEMO and $TESTS are).
// Quick steps come first, unless a step needs the result of another.

/** @type {{ name: string, command: string[], environment?: Record<string, string>, fix: string }[]} `fix` says how to see or fix the problem. */
export const STEPS = [
  {
    name: 'type check',
    command: ['npm', 'run', '--silent', 'typecheck'],
    fix: 'npm run typecheck lists the errors',
  },
  {
    name: 'lint',
    command: ['npm', 'run', '--silent', 'lint'],
    fix: 'npm run format fixes what it can; npm run lint lists the rest',
  },
  {
    name: 'build',
    command: ['npm', 'run', '--silent', 'build'],
    fix: 'npm run build shows the error',
  },
  {
    name: 'docs are current',
    command: ['npm', 'run', '--silent', 'docs:check'],
    fix: 'npm run docs writes docs/api anew; commit the result',
  },
  {
    name: 'package check',
    command: ['npm', 'run', '--silent', 'package:check'],
    fix: 'npm run build && npm run package:check shows the error',
  },
  {
    name: 'tests',
    command: [...['npm', 'test', '--', '--reporter=default', '--reporter=json', '--outputFile.json=$TESTS']],
    fix: 'npx vitest run FILE runs one test file',
  },
  {
    name: 'main job, short',
    command: [
      ...['npm', 'run', '--silent', 'train:demo', '--', '--out', '$DEMO'],
      ...['--patients', '16', '--pretrain-epochs', '1', '--epochs', '1'],
    ],
    fix: 'npm run train:demo -- --out runs/demo --patients 16 --pretrain-epochs 1 --epochs 1 shows the error',
  },
  {
    name: 'its checkpoint predicts',
    command: [
      ...['npm', 'run', '--silent', 'predict', '--', '--checkpoint', '$DEMO/run', '--data', '$DEMO/study'],
      ...['--quiet', '--out', '$DEMO/out.csv', '--kaggle', '$DEMO/kaggle.csv'],
    ],
    fix: 'npm run predict -- --checkpoint runs/demo/run --data runs/demo/study, after the main job',
  },
];

/** Steps too slow for every change: `npm run check:full` runs them after the others. */
export const LONG_STEPS = [
  {
    name: 'every operation on every backend',
    command: ['node', 'scripts/check_backends.mjs'],
    fix: 'node scripts/check_backends.mjs NAME runs the cases whose names contain NAME',
  },
  {
    name: 'kernels on WebGPU in Node',
    command: ['npx', 'vitest', 'run', 'test/backends/webgpu'],
    environment: { CT_MULTILABEL_FULL: '1' },
    fix: 'CT_MULTILABEL_FULL=1 npx vitest run test/backends/webgpu; it brings Dawn and a driver in software from npm',
  },
  {
    name: 'a training survives kills',
    command: ['node', 'scripts/check_kills.mjs', '--kills', '40'],
    fix: 'node scripts/check_kills.mjs names the operations that it was killed at, and keeps the folder',
  },
  {
    name: 'a watched PACS survives kills',
    command: ['npx', 'tsx', 'scripts/check_pacs.ts'],
    fix: 'npm run build && npx tsx scripts/check_pacs.ts --studies 3 --kills 2 says what is wrong on the server',
  },
  {
    name: 'training in PyTorch',
    command: ['npx', 'vitest', 'run', 'test/torch'],
    environment: { CT_MULTILABEL_FULL: '1' },
    fix: 'CT_MULTILABEL_FULL=1 npx vitest run test/torch; it needs PyTorch, and says so where it is missing',
  },
  {
    name: 'one model from here to PyTorch, back and to ONNX',
    command: ['npx', 'tsx', 'scripts/check_story.ts'],
    fix: 'npx tsx scripts/check_story.ts FOLDER keeps the files; it needs PyTorch, and says so where it is missing',
  },
  {
    name: 'fuzzing with other seeds',
    command: ['npx', 'vitest', 'run', 'test/fuzz'],
    environment: { CT_MULTILABEL_FUZZ: '10', CT_MULTILABEL_FUZZ_SEED: 'random' },
    fix: 'a failure prints its seed: CT_MULTILABEL_FUZZ_SEED=… npx vitest run test/fuzz',
  },
];
