/** Refuses outputs before anything is read: a command must not overwrite what it reads. */
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ArgumentError } from '../base/errors';
import { MODEL_FILES, STATE_FILE } from '../node/runs/model_folder';

/** Paths by the option that names them; a list where an option may be given more than once. */
type Places = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a command writes. */
export interface Outputs {
  files?: Places;
  folders?: Places;
  /** Folders that must not be inside a study either, where their files would be read as part of it. */
  apart?: Places;
}

/** What a command reads. */
export interface Inputs {
  /** Folders of patients: every file in them counts as read. */
  studies?: Places;
  /** Runs or checkpoints: their own files count as read; others, such as reports, may be replaced. */
  checkpoints?: Places;
  files?: Places;
}

/** What {@link saveCheckpoint} and a training run write, and commands read. */
const RUN_FILES = ['config.json', 'history.csv', 'study.json'];
const CHECKPOINT_FILES: readonly string[] = [...Object.values(MODEL_FILES), STATE_FILE, ...RUN_FILES];

/**
 * Refuses an output that would overwrite an input or another output.
 *
 * A file is refused if it is an input, or exists inside a study, or is one of the files of a checkpoint or its run. A
 * folder is refused if it is an input. Links are followed.
 *
 * @throws ArgumentError that names both options.
 */
export async function checkOutputs(outputs: Outputs, inputs: Inputs): Promise<void> {
  const [files, folders, apart] = await Promise.all([
    placesOf(outputs.files),
    placesOf(outputs.folders),
    placesOf(outputs.apart),
  ]);
  const [studies, checkpoints, others] = await Promise.all([
    placesOf(inputs.studies),
    placesOf(inputs.checkpoints),
    placesOf(inputs.files),
  ]);
  const known = new Map<string, string>();
  for (const { option, given, real } of [...files, ...folders, ...apart]) {
    const other = known.get(real);
    if (other !== undefined) {
      throw new ArgumentError(
        `--${option}: expected another place than --${other}, received '${given}' for both`,
      );
    }
    known.set(real, option);
  }
  const isInput = ({ real }: Place) =>
    [...studies, ...checkpoints, ...others].find((input) => input.real === real);
  for (const file of files) {
    const found = await stat(file.real).catch(() => undefined);
    if (found?.isDirectory()) refuse(file, 'a file', 'which is a folder');
    const same = isInput(file);
    if (same) refuse(file, 'another file', `which is --${same.option}`);
    if (found === undefined) continue;
    const study = studies.find(({ real }) => isInside(real, file.real));
    if (study)
      refuse(file, `a new file or one outside --${study.option}`, 'which exists and would be overwritten');
    const name = path.basename(file.real);
    const checkpoint = checkpoints.find(
      ({ real }) =>
        (CHECKPOINT_FILES.includes(name) && isInside(real, file.real)) ||
        (RUN_FILES.includes(name) && path.dirname(real) === path.dirname(file.real)),
    );
    if (checkpoint)
      refuse(file, 'another file', `which belongs to --${checkpoint.option} and would be overwritten`);
  }
  for (const folder of [...folders, ...apart]) {
    const same = isInput(folder);
    if (same) refuse(folder, 'another folder', `which is --${same.option}`);
  }
  for (const folder of apart) {
    const study = studies.find(({ real }) => isInside(real, folder.real));
    if (study)
      refuse(folder, `a folder outside --${study.option}`, 'whose files would become part of the study');
  }
}

/**
 * Refuses a folder that is not empty, before anything is computed for it.
 *
 * @returns Whether it exists, and is empty.
 * @throws ArgumentError that names its option, also for a file.
 */
export async function checkNewFolder(option: string, folder: string): Promise<boolean> {
  const expected = `${option}: expected a new or empty folder, received '${folder}'`;
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ArgumentError(`${expected} (${error.message})`);
  });
  if (there !== undefined && there.length > 0)
    throw new ArgumentError(`${expected}, which contains ${there[0]}`);
  return there !== undefined;
}

interface Place {
  option: string;
  given: string;
  /** Its real path, also if it does not exist yet. */
  real: string;
}

const placesOf = (places: Places = {}): Promise<Place[]> =>
  Promise.all(
    Object.entries(places).flatMap(([option, given]) =>
      (given === undefined ? [] : [given].flat()).map(async (one) => ({
        option,
        given: one,
        real: await realPlace(path.resolve(one)),
      })),
    ),
  );

/** The real path of something that need not exist yet. */
async function realPlace(place: string): Promise<string> {
  const real = await realpath(place).catch(() => undefined);
  const parent = path.dirname(place);
  return real ?? (parent === place ? place : path.join(await realPlace(parent), path.basename(place)));
}

const isInside = (folder: string, place: string): boolean => place.startsWith(path.join(folder, path.sep));

function refuse({ option, given }: Place, expected: string, reason: string): never {
  throw new ArgumentError(`--${option}: expected ${expected}, received '${given}', ${reason}`);
}
