import { existsSync } from 'node:fs';
import path from 'node:path';
import { csv } from '../../data/tables/predictions_table';
import { DataError } from '../../base/errors';
import type { EpochLog } from '../../training/fit_stage';
import type { Labels } from '../../base/types';
import { readCsvFile } from '../files/csv_file';

/** The table in a run's folder. */
export const HISTORY_FILE = 'history.csv';

const FIRST = ['stage', 'epoch', 'loss', 'f2', 'validation_loss', 'validation_f2'];
const LAST = ['best', 'seconds'];
const LABEL_PREFIX = 'validation_f2_';

/** Epochs as CSV text, one a row. */
export function historyTable(history: readonly EpochLog[], labels: Labels): string {
  const rows = history.map((log) => [
    log.stage,
    log.epoch,
    log.loss,
    log.f2,
    log.validationLoss ?? '',
    log.validationF2,
    ...log.validationF2PerLabel,
    log.best ? 1 : 0,
    log.seconds,
  ]);
  const header = [...FIRST, ...labels.map((label) => LABEL_PREFIX + label), ...LAST];
  return csv([header, ...rows.map((row) => row.map(String))]);
}

/**
 * Every epoch of a training, of all stages, as its folder's `history.csv` has them.
 *
 * @param folder - A training run's, see {@link openTrainingRun}.
 * @returns undefined where the folder has no history.
 * @throws DataError for a table of another form, naming the row.
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
  const labels = header.length - FIRST.length - LAST.length;
  const known =
    FIRST.every((name, i) => header[i] === name) &&
    LAST.every((name, i) => header[FIRST.length + labels + i] === name);
  if (labels < 0 || !known) {
    throw new DataError(`expected the columns ${[...FIRST, `${LABEL_PREFIX}…`, ...LAST].join(', ')}`, {
      file,
      row: 1,
    });
  }
  return rows.filter(({ length }) => length > 1).map((fields, i) => epochOf(fields, header.length, { file, row: i + 2 })); // prettier-ignore
}

function epochOf(fields: readonly string[], columns: number, where: { file: string; row: number }): EpochLog {
  const [stage, ...texts] = fields;
  const numbers = texts.map((text) => (text === '' ? NaN : Number(text)));
  const [epoch, loss, f2, validationLoss, validationF2, ...rest] = numbers;
  const [best, seconds] = rest.slice(-2);
  // the validation loss alone may be missing
  const whole = numbers.every((value, i) => i === 3 || Number.isFinite(value));
  if (fields.length !== columns || !whole || (Number.isNaN(validationLoss) && texts[3] !== '')) {
    throw new DataError(`expected an epoch's ${columns - 1} numbers, found ${fields.join()}`, where);
  }
  return {
    stage: stage!,
    epoch: epoch!,
    loss: loss!,
    f2: f2!,
    validationLoss: Number.isNaN(validationLoss) ? null : validationLoss!,
    validationF2: validationF2!,
    validationF2PerLabel: rest.slice(0, -2),
    best: best === 1,
    seconds: seconds!,
  };
}
