import { chooseThresholds, evaluateProbabilities, type PatientSource } from '../index';
import type { TrivialScores } from '../prediction/trivial_predictors';

/** Parts that a stack is divided into, from the base of the skull upward. */
const PARTS = 12;

/**
 * F2 of a predictor that knows where in the stack a slice lies, and nothing else: how often training slices there have each label.
 *
 * Hemorrhages keep to their levels, and in the middle of a head one is likelier than not, so this beats predictors that know nothing. A
 * model that scores no better has learned anatomy and no hemorrhage, and no map can show where it saw one.
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
    // a false alarm makes it 0 where no slice has the label, which says nothing of the predictor
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
