/** Names of the patients that a model has already seen, from its checkpoint's folder. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../index';
import type { TrainingOrigin } from '../training_origin';

export interface SeenPatients {
  /** Patients that its weights were trained on; undefined if the training run is missing. */
  train?: readonly string[];
  /** Patients that its best epoch was chosen by. */
  validation?: readonly string[];
  /** Configuration of the run, if available. */
  config?: Record<string, unknown>;
  /** Patients that its calibration or thresholds were fitted on by `evaluate --save`. */
  fitted?: readonly string[];
}

/**
 * Reads a run's config.json, and the record that `evaluate --save` wrote next to the weights.
 *
 * @param checkpoint - A checkpoint, or a run's folder.
 * @param run - The run's folder; default: where a run keeps its checkpoints.
 */
export async function seenPatients(checkpoint: string, run?: string): Promise<SeenPatients> {
  const runs = run === undefined ? runFolders(checkpoint) : [run];
  const configs = await Promise.all(runs.map((folder) => readRecord(path.join(folder, 'config.json'))));
  const state = await readRecord(path.join(checkpoint, 'state.json'));
  const config = configs.find((found) => found?.split) ?? configs.find((found) => found);
  const split = config?.split;
  return {
    config: config ? { ...config } : undefined,
    train: split && withBareNames(split.train),
    validation: split && withBareNames(split.validation),
    fitted: state?.fitted && withBareNames(state.fitted),
  };
}

/** A run on several studies names patients `<study>/<patient>`; here the study may be opened on its own. */
const withBareNames = (names: readonly string[]): string[] =>
  names.flatMap((name) => (name.includes('/') ? [name, name.slice(name.indexOf('/') + 1)] : [name]));

/** Possible folders of a checkpoint's run. */
export const runFolders = (checkpoint: string): string[] => [
  checkpoint,
  path.dirname(path.resolve(checkpoint)),
];

interface Known {
  data?: unknown;
  split?: { train: string[]; validation: string[] };
  fitted?: string[];
  origin?: TrainingOrigin;
}

/** A JSON file of a run; undefined if it does not exist. */
export async function readRecord(file: string): Promise<Known | null | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Known | null;
  } catch (cause) {
    throw new CheckpointError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
