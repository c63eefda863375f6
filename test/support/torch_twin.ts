import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A Python that has PyTorch; Debian's may not be the first on the path, and without it our folder `torch` is a package of that name. */
export const python = ['python3', '/usr/bin/python3'].find(
  (program) => spawnSync(program, ['-c', 'import numpy, torch; torch.Tensor']).status === 0,
);

/** What starts a training on two processes here; PyTorch 1.13 on Python 3.11 fails with its default of the last two. */
export const LAUNCHER = [
  ...['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'],
  ...['--redirects', '1', '--tee', '1'],
];

const run = promisify(execFile);

/** What Python needs to find the package in `torch/`, on one thread. */
export function pythonEnvironment(): NodeJS.ProcessEnv {
  const packages = fileURLToPath(new URL('../../torch', import.meta.url));
  return { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', OMP_NUM_THREADS: '1' };
}

/** Runs Python with the package in `torch/`, and gives what it printed. */
export async function runPython(...args: string[]): Promise<string> {
  return (await run(python!, args, { env: pythonEnvironment() })).stdout;
}
