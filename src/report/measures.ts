/** The figures of an evaluation: all that the report shows of decisions and probabilities. */
import type { Labels } from '../base/types';
import { bootstrapDifference, bootstrapInterval, type BootstrapInterval } from '../evaluation/bootstrap';
import { evaluateProbabilities, type ProbabilityReport } from '../evaluation/evaluate_probabilities';
import {
  countDecisionsByPatient,
  decisionRates,
  poolCounts,
  type DecisionCounts,
} from '../metrics/decision_counts';
import type { LabelRows } from '../metrics/labelled_scores';

/** Truth and probabilities of slices, or of patients. */
export interface Samples {
  level: 'slices' | 'patients';
  yTrue: LabelRows;
  probabilities: LabelRows;
  /** The person that each sample is of. */
  people: readonly string[];
}

/** Samples, and how the model does on them. */
export interface Measured extends Samples {
  report: ProbabilityReport;
  /** Whether the predictive values are at the shares that these samples have, or at stated ones. */
  prevalence: 'own' | 'stated';
  f2: BootstrapInterval;
  f2PerLabel: BootstrapInterval[];
  /** F2 of saying yes to everything. */
  allPositive: BootstrapInterval;
  allPositivePerLabel: BootstrapInterval[];
  /** F2 minus that of saying yes to everything, on the same resamples. */
  difference: BootstrapInterval;
}

export interface MeasureOptions {
  labels: Labels;
  thresholds: readonly number[];
  /** One a label; left out, the shares of the samples. */
  prevalence?: readonly number[];
  seed: number;
  resamples: number;
}

/** Every score, and intervals of F2 by drawing people anew. */
export function measure(samples: Samples, options: MeasureOptions): Measured {
  const { labels, prevalence, seed, resamples } = options;
  const { people, yTrue, probabilities } = samples;
  const threshold = options.thresholds;
  const report = evaluateProbabilities({
    ...{ labels, yTrue, probabilities, threshold },
    prevalence: prevalence ?? ownPrevalence(yTrue, labels),
  });
  const rows = { patients: people, yTrue, probabilities };
  const counts = countDecisionsByPatient(rows, { threshold });
  const everything = countDecisionsByPatient(rows, { threshold: 0 });
  const bootstrap = { seed, resamples };
  const f2 = (sample: readonly DecisionCounts[]) => decisionRates(poolCounts(sample)).fBeta;
  const pooled = counts.map((own, i) => ({ own: poolCounts(own), all: poolCounts(everything[i]!) }));
  const ofModel = (sample: readonly Both[]) => f2(sample.map(({ own }) => own));
  const ofAll = (sample: readonly Both[]) => f2(sample.map(({ all }) => all));
  const perLabel = (ofPeople: DecisionCounts[][]) =>
    labels.map((_, l) => {
      const own = ofPeople.map((ofPerson) => ofPerson[l]!);
      // F2 without a positive would be 0 whatever is found
      return own.some(({ tp, fn }) => tp + fn > 0) ? bootstrapInterval(own, f2, bootstrap) : UNDEFINED;
    });
  return {
    ...samples,
    report,
    prevalence: prevalence ? 'stated' : 'own',
    f2: bootstrapInterval(pooled, ofModel, bootstrap),
    f2PerLabel: perLabel(counts),
    allPositive: bootstrapInterval(pooled, ofAll, bootstrap),
    allPositivePerLabel: perLabel(everything),
    difference: bootstrapDifference(pooled, ofModel, ofAll, bootstrap),
  };
}

/** A person's counts, of the model and of saying yes to everything. */
type Both = Record<'own' | 'all', DecisionCounts>;

const UNDEFINED: BootstrapInterval = {
  ...{ estimate: undefined, low: undefined, high: undefined },
  resamples: 0,
};

/** Share of the labelled samples that have each label; 0 where nothing is labelled, and so nothing defined. */
function ownPrevalence(yTrue: LabelRows, labels: Labels): number[] {
  return labels.map((_, l) => {
    const positives = yTrue.filter((row) => row[l] === 1).length;
    const negatives = yTrue.filter((row) => row[l] === 0).length;
    return positives / Math.max(positives + negatives, 1);
  });
}
