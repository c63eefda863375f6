import {
  predictionsTable,
  type PredictionsOf,
  type PredictionsTableOptions,
} from '../../data/tables/prediction_formats';
import type { Labels } from '../../base/types';
import { writeFileAtomic } from '../files/atomic_write';

/**
 * Writes `predictionsTable` to a file, whole or not at all.
 *
 * @throws As `predictionsTable`; the file is then as it was.
 * @example
 * ```ts
 * await writePredictions('probabilities.csv', predictions, study.labels); // dirname,ID,ich,…
 * await writePredictions('submission.csv', predictions, study.labels, { format: 'challenge' }); // 049_0_ich,1
 * ```
 */
export async function writePredictions<const O extends PredictionsTableOptions = { format: 'slices' }>(
  file: string,
  predictions: PredictionsOf<NoInfer<O>>,
  labels: Labels,
  options?: O,
): Promise<void> {
  await writeFileAtomic(file, predictionsTable<O>(predictions, labels, options));
}
