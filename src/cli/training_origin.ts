import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';

/** Origin of a training run for the model card, as saved in its config.json. */
export interface TrainingOrigin {
  /** Commit of the repository that it was started in, with `-dirty` if files differ from it. */
  commit?: string;
  /** SHA-256 of the file with the initial weights. */
  weightsSha256?: string;
}

/**
 * @param weights - The file with the initial weights, if there is one.
 */
export async function trainingOrigin(weights?: string): Promise<TrainingOrigin> {
  const commit = await currentCommit();
  return {
    commit,
    weightsSha256: weights === undefined ? undefined : await sha256(weights),
  };
}

/** undefined outside a repository or without git. */
async function currentCommit(): Promise<string | undefined> {
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    const { stdout } = await promisify(execFile)('git', args, { windowsHide: true });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
