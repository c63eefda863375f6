import { DataError } from '../../base/errors';
import type { PatientLabelSource } from '../sources/source_types';

/**
 * Refuses labels for which no slice and no patient is labelled: a model trained on these studies would give meaningless
 * numbers for them.
 *
 * @param studies - All with the same labels.
 * @returns The labels that no slice and no patient has.
 * @throws DataError that names the labels.
 */
export function checkKnownLabels(studies: readonly [PatientLabelSource, ...PatientLabelSource[]]): string[] {
  const { labels } = studies[0];
  const [known, found] = [new Set<number>(), new Set<number>()];
  for (const study of studies) {
    for (const patient of study.patients) {
      const whole = study.labelsOf?.(patient);
      for (const row of [...(whole ? [whole] : []), ...(study.sliceLabels(patient) ?? [])]) {
        row.forEach((value, label) => {
          if (value === 0 || value === 1) known.add(label);
          if (value === 1) found.add(label);
        });
      }
    }
  }
  const unknown = labels.filter((_, label) => !known.has(label));
  if (unknown.length > 0) {
    throw new DataError(
      `no patient to train on is labelled with ${unknown.join(', ')}, so that a model cannot learn it`,
      {},
    );
  }
  return labels.filter((_, label) => !found.has(label));
}
