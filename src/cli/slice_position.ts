import { chooseThresholds, evaluateProbabilities, type PatientSource } from '../index';
import type { TrivialScores } from '../prediction/trivial_predictors';

/** Number of parts that a stack is divided into, from the base of the skull upward. */
const PARTS = 12;

/**
 * F2 of a predictor that knows only a slice's position in the stack: how often training slices there have each label.
 * Hemorrhages occur at typical levels, and in the middle of a head one is likelier than not, so this beats predictors
 * that know nothing. A model that scores no better has learned anatomy rather than hemorrhages, and no map can show
 * where it saw one.
 */
export function slicePosition(train: PatientSource, test: PatientSource): TrivialScores {
  const labels = train.labels;
  const known = rowsByPart(train);
  const shares = Array.from({ length: PARTS }, (_, part) => {
    const rows = known.filter((row) => row.part === part).map((row) => row.yTrue);
    return labels.map((_label, l) => rows.filter((row) => row[l] === 1).length / Math.max(rows.length, 1));
  });
  const asked = (rows: typeof known) => ({
    labels,
    yTrue: rows.map((row) => row.yTrue),
    probabilities: rows.map((row) => shares[row.part]!),
  });
  const { thresholds } = chooseThresholds({
    ...asked(known),
    patients: known.map(({ patient }) => patient),
  });
  const truth = asked(rowsByPart(test));
  const report = evaluateProbabilities({ ...truth, threshold: thresholds });
  return {
    name: 'slice position',
    f2: report.pooled.fBeta ?? 0,
    // if no slice has the label, any false alarm makes it 0, which is not informative
    f2PerLabel: report.labels.map(({ fBeta }, l) =>
      truth.yTrue.some((row) => row[l] === 1) ? fBeta : undefined,
    ),
  };
}

function rowsByPart(source: PatientSource) {
  return source.patients.flatMap((patient) => {
    const rows = source.sliceLabels(patient)!;
    return rows.map((yTrue, i) => ({ patient, yTrue, part: Math.floor((PARTS * i) / rows.length) }));
  });
}
