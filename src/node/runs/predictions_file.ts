import {
  predictionsTable,
  tableParts,
  type PredictionsOf,
  type PredictionsTableOptions,
} from '../../data/tables/prediction_formats';
import type { PatientPrediction } from '../../data/tables/predictions_table';
import type { Labels } from '../../base/types';
import { writeFileAtomic } from '../files/atomic_write';

/**
 * Writes `predictionsTable` to a file, atomically.
 *
 * @param predictions - A list, or the asynchronous result of prediction, patient by patient, of which only names are
 * kept in memory.
 * @throws As `predictionsTable`, and errors of prediction. The file is then unchanged.
 * @example
 * ```ts
 * await writePredictions('probabilities.csv', predictions, study.labels); // dirname,ID,ich,…
 * await writePredictions('submission.csv', predictions, study.labels, { format: 'challenge' }); // 049_0_ich,1
 * await writePredictions('probabilities.csv', predictPatients(model, study), study.labels); // one patient in memory
 * ```
 */
export async function writePredictions<const O extends PredictionsTableOptions = { format: 'slices' }>(
  file: string,
  predictions:
    PredictionsOf<NoInfer<O>> | AsyncIterable<PredictionsOf<NoInfer<O>> | PredictionsOf<NoInfer<O>>[number]>,
  labels: Labels,
  options?: O,
): Promise<void> {
  if (!isIterable(predictions)) {
    return writeFileAtomic(file, predictionsTable<O>(predictions, labels, options));
  }
  await writeTables([{ ...options, file }], labels, async (add) => {
    for await (const some of predictions) await add(Array.isArray(some) ? some : [some]);
  });
}

const isIterable = <T>(value: unknown | AsyncIterable<T>): value is AsyncIterable<T> =>
  typeof (value as AsyncIterable<T> | null)?.[Symbol.asyncIterator] === 'function';

type Add = (predictions: readonly PatientPrediction[]) => Promise<void>;

/** Writes tables of the same predictions, which `each` adds incrementally; if it fails, none is written. */
export async function writeTables(
  tables: readonly (PredictionsTableOptions & { file: string })[],
  labels: Labels,
  each: (add: Add) => Promise<void>,
): Promise<void> {
  const [first, ...others] = tables;
  if (first === undefined) return each(async () => undefined);
  const { file, ...options } = first;
  const part = tableParts(labels, options);
  await writeFileAtomic(file, async (write) => {
    await write(part([]));
    await writeTables(others, labels, (add) =>
      each(async (predictions) => {
        await write(part(predictions));
        await add(predictions);
      }),
    );
  });
}
