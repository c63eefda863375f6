import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A Python that has PyTorch; Debian's may not be the first on the path, and without it our folder `torch` is a package of that name. */
export const python = ['python3', '/usr/bin/python3'].find(
  (program) => spawnSync(program, ['-c', 'import numpy, torch; torch.Tensor']).status === 0,
);

const run = promisify(execFile);

/** Runs Python with the package in `torch/`, and gives what it printed. */
export async function runPython(...args: string[]): Promise<string> {
  const packages = fileURLToPath(new URL('../../torch', import.meta.url));
  const env = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', OMP_NUM_THREADS: '1' };
  return (await run(python!, args, { env })).stdout;
}
