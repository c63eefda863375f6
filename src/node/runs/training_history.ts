import { existsSync } from 'node:fs';
import path from 'node:path';
import { csv, textOfCell } from '../../data/tables/predictions_table';
import { DataError } from '../../base/errors';
import type { EpochLog } from '../../training/stages/stage_log';
import type { Labels } from '../../base/types';
import { readCsvFile } from '../files/csv_file';

/** The table in a run's folder. */
export const HISTORY_FILE = 'history.csv';

const FIRST = ['stage', 'epoch', 'loss', 'f2', 'validation_loss', 'validation_f2'];
/** Missing in tables of earlier versions. */
const THRESHOLD = 'validation_threshold';
const LAST = ['best', 'seconds'];
const LABEL_PREFIX = 'validation_f2_';

/** Epochs as CSV text, one per row; missing values are empty. */
export function historyTable(history: readonly EpochLog[], labels: Labels): string {
  const rows = history.map((log) => [
    log.stage,
    log.epoch,
    log.loss,
    log.f2,
    log.validationLoss ?? '',
    log.validationF2,
    log.validationThreshold ?? '',
    ...log.validationF2PerLabel.map((f2) => f2 ?? ''),
    log.best ? 1 : 0,
    log.seconds,
  ]);
  const header = [...FIRST, THRESHOLD, ...labels.map((label) => LABEL_PREFIX + label), ...LAST];
  return csv([header, ...rows.map((row) => row.map(String))]);
}

/**
 * Every epoch of a training run, of all stages, from its folder's `history.csv`.
 *
 * @param folder - A training run's folder, see `openTrainingRun`.
 * @returns undefined if the folder has no history.
 * @throws DataError for an invalid table, naming the row.
 * @example
 * ```ts
 * const history = await readTrainingHistory('runs/first');
 * const best = history?.filter((epoch) => epoch.best).at(-1);
 * ```
 */
export async function readTrainingHistory(folder: string): Promise<EpochLog[] | undefined> {
  const file = path.join(folder, HISTORY_FILE);
  if (!existsSync(file)) return undefined;
  const [header = [], ...rows] = await readCsvFile(file);
  const first = [...FIRST, ...(header[FIRST.length] === THRESHOLD ? [THRESHOLD] : [])];
  const labels = header.length - first.length - LAST.length;
  const known =
    first.every((name, i) => header[i] === name) &&
    LAST.every((name, i) => header[first.length + labels + i] === name);
  if (labels < 0 || !known) {
    throw new DataError(
      `expected the columns ${[...FIRST, THRESHOLD, `${LABEL_PREFIX}…`, ...LAST].join(', ')}`,
      {
        file,
        row: 1,
      },
    );
  }
  const epochs = rows.filter(({ length }) => length > 1);
  return epochs.map((fields, i) => epochOf(header, fields, first.length, { file, row: i + 2 }));
}

function epochOf(
  header: readonly string[],
  fields: readonly string[],
  firstLabel: number,
  where: { file: string; row: number },
): EpochLog {
  const fail = (): never => {
    throw new DataError(`expected an epoch's ${header.length - 1} numbers, found ${fields.join()}`, where);
  };
  if (fields.length !== header.length) fail();
  const read = (text: string): number | null => {
    if (text === '') return null;
    return Number.isFinite(Number(text)) ? Number(text) : fail();
  };
  const optional = (name: string) => read(fields[header.indexOf(name)] ?? '');
  const needed = (name: string) => optional(name) ?? fail();
  return {
    stage: textOfCell(fields[0]!),
    epoch: needed('epoch'),
    loss: needed('loss'),
    f2: needed('f2'),
    validationLoss: optional('validation_loss'),
    validationF2: needed('validation_f2'),
    validationThreshold: optional(THRESHOLD),
    validationF2PerLabel: fields.slice(firstLabel, -LAST.length).map(read),
    best: needed('best') === 1,
    seconds: needed('seconds'),
  };
}
