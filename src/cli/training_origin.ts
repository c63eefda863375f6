import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import type { PatientSource } from '../index';

/** Origin of a training run for the model card, as saved in its config.json. */
export interface TrainingOrigin {
  /** Commit of the repository that it was started in, with `-dirty` if files differ from it. */
  commit?: string;
  /** SHA-256 of the file with the initial weights. */
  weightsSha256?: string;
  /** See {@link studySha256}; earlier versions did not keep it. */
  studySha256?: string;
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

/** SHA-256 of what a training takes from a study beside the pixels: patients, slices, labels, and the images' window. */
export function studySha256(study: PatientSource, imageWindow: string | undefined): string {
  const hash = createHash('sha256').update(JSON.stringify([study.labels, imageWindow]));
  for (const patient of study.patients) {
    const labels = [study.sliceLabels(patient), study.labelsOf?.(patient)];
    hash.update(JSON.stringify([patient, study.sliceNames(patient), labels]));
  }
  return hash.digest('hex');
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
