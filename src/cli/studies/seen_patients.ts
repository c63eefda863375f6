/** What a checkpoint's folder tells of the patients that the model has already seen, by name. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../index';
import type { TrainingOrigin } from '../training_origin';

export interface SeenPatients {
  /** Patients that its weights were trained on; undefined where the run that would say so is not there. */
  train?: readonly string[];
  /** Patients that its best epoch was chosen by. */
  validation?: readonly string[];
  /** Configuration of the run, where that is there. */
  config?: Record<string, unknown>;
  /** Patients that its calibration or its thresholds were fitted on, where `evaluate --save` did that. */
  fitted?: readonly string[];
}

/**
 * Reads a run's config.json, and what `evaluate --save` left beside the weights.
 *
 * @param checkpoint - A checkpoint, or a run's folder.
 * @param run - The run's folder; left out, looked for where a run keeps its checkpoints.
 */
export async function seenPatients(checkpoint: string, run?: string): Promise<SeenPatients> {
  const runs = run === undefined ? runFolders(checkpoint) : [run];
  const configs = await Promise.all(runs.map((folder) => readRecord(path.join(folder, 'config.json'))));
  const state = await readRecord(path.join(checkpoint, 'state.json'));
  const config = configs.find((found) => found?.split) ?? configs.find((found) => found);
  const split = config?.split;
  return {
    ...(config && { config: { ...config } }),
    ...(split && { train: withBareNames(split.train), validation: withBareNames(split.validation) }),
    ...(state?.fitted && { fitted: withBareNames(state.fitted) }),
  };
}

/** A training on several studies names a patient `<study>/<patient>`; here the study may be opened by itself. */
const withBareNames = (names: readonly string[]): string[] =>
  names.flatMap((name) => (name.includes('/') ? [name, name.slice(name.indexOf('/') + 1)] : [name]));

/** Where the run of a checkpoint may lie. */
export const runFolders = (checkpoint: string): string[] => [
  checkpoint,
  path.dirname(path.resolve(checkpoint)),
];

interface Known {
  split?: { train: string[]; validation: string[] };
  fitted?: string[];
  origin?: TrainingOrigin;
}

/** A file of a run that holds JSON; undefined where it is not there. */
export async function readRecord(file: string): Promise<Known | null | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Known | null;
  } catch (cause) {
    throw new CheckpointError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
