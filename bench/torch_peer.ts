import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Candidate } from './compare';

/** PyTorch in a separate process. */
export interface TorchPeer {
  version: string;
  /** A candidate that runs the result of `make_NAME(params)` of torch_peer.py, and reports PyTorch's own time. */
  timer(name: string, params?: Record<string, unknown>): Candidate;
  close(): void;
}

/**
 * Starts PyTorch if a `python3` with it is available (Debian: `apt-get install python3-torch`).
 *
 * @returns Undefined if there is none, or none with the device.
 */
export async function torchPeer({
  threads,
  device = 'cpu',
}: {
  threads: number;
  device?: 'cpu' | 'cuda';
}): Promise<TorchPeer | undefined> {
  const test = device === 'cuda' ? 'assert torch.cuda.is_available()' : 'torch.Tensor';
  const python = ['python3', '/usr/bin/python3'].find(
    (command) => spawnSync(command, ['-c', `import torch; ${test}`]).status === 0,
  );
  if (python === undefined) return undefined;
  const script = fileURLToPath(new URL('torch_peer.py', import.meta.url));
  const child = spawn(python, [script, String(threads), device], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('PyTorch ended');
    return value as string;
  };
  const version = await next();
  return {
    version,
    timer(name, params = {}) {
      return async () => {
        child.stdin.write(`${JSON.stringify({ name, params })}\n`);
        return Number(await next());
      };
    },
    close() {
      child.stdin.end();
    },
  };
}
