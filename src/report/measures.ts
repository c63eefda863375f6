/** The figures of an evaluation that the report shows. */
import type { Labels } from '../base/types';
import type { BootstrapInterval } from '../evaluation/bootstrap';
import {
  evaluateProbabilities,
  type LabelReport,
  type ProbabilityReport,
} from '../evaluation/evaluate_probabilities';
import { scoreIntervals, type IntervalScore } from '../evaluation/score_intervals';
import { decide } from '../metrics/decide';
import { decisionRates, type DecisionCounts } from '../metrics/decision_counts';
import type { LabelRows } from '../metrics/labelled_scores';
import { anyLabel, type AnyLabel } from './any_label';

/** Truth and probabilities of slices, or of patients. */
export interface Samples {
  level: 'slices' | 'patients';
  yTrue: LabelRows;
  probabilities: LabelRows;
  /** The person that each sample belongs to. */
  people: readonly string[];
}

/** Scores of one label and their intervals. */
export interface MeasuredLabel {
  report: Omit<LabelReport, 'threshold'>;
  /** Threshold of its decisions; without one, it is found if any of the labels is. */
  threshold?: number;
  intervals: Intervals;
  /** How many people have it. */
  people: number;
}

/** Bootstrap intervals over people. */
export type Intervals = Record<IntervalScore, BootstrapInterval>;

/** Samples, and the model's scores on them. */
export interface Measured extends Samples {
  /** All labels, pooled and averaged. */
  report: ProbabilityReport;
  /** Whether the predictive values are at the prevalence of these samples, or at a given one. */
  prevalence: 'own' | 'stated';
  /** Resamples of every interval. */
  resamples: number;
  pooled: Intervals;
  labels: MeasuredLabel[];
  /** Any of the labels, unless that is a label itself. */
  any?: MeasuredLabel & { samples: AnyLabel };
}

export interface MeasureOptions {
  labels: Labels;
  thresholds: readonly number[];
  /**
   * One per label.
   * @defaultValue that of the samples
   */
  prevalence?: readonly number[];
  seed: number;
  resamples: number;
}

/** Every score with its bootstrap interval over people. */
export function measure(samples: Samples, options: MeasureOptions): Measured {
  const { labels, thresholds, prevalence, seed, resamples } = options;
  const { people, yTrue, probabilities } = samples;
  const report = evaluateProbabilities({
    ...{ labels, yTrue, probabilities, threshold: thresholds },
    prevalence: prevalence ?? labels.map((_, l) => shareOf(columnOf(yTrue, l))),
  });
  const places = new Map([...new Set(people)].map((person, i) => [person, i]));
  const patients = people.map((person) => places.get(person)!);
  const decisions = decide(probabilities, { threshold: thresholds });
  const intervalsOf = (entries: Column) =>
    scoreIntervals({ patients, ...entries }, places.size, { seed, resamples });
  const peopleWith = (truth: readonly number[]) => new Set(patients.filter((_, i) => truth[i] === 1)).size;

  const columns = labels.map((_, l): Column => ({
    yTrue: columnOf(yTrue, l),
    scores: columnOf(probabilities, l),
    found: decisions.map((row) => row[l] === 1),
  })); // prettier-ignore
  const any = anyLabel(labels, yTrue, probabilities, thresholds);
  return {
    ...samples,
    report,
    prevalence: prevalence ? 'stated' : 'own',
    resamples,
    pooled: intervalsOf({
      yTrue: columns.flatMap((column) => column.yTrue),
      scores: columns.flatMap((column) => column.scores),
      found: columns.flatMap((column) => column.found),
      patients: columns.flatMap(() => patients),
    }),
    labels: columns.map((column, l) => ({
      report: report.labels[l]!,
      threshold: thresholds[l]!,
      intervals: withPositives(intervalsOf(column)),
      people: peopleWith(column.yTrue),
    })),
    ...(any && {
      any: {
        samples: any,
        report: reportOfAny(any, prevalence === undefined),
        intervals: withPositives(intervalsOf({ ...any, scores: any.probabilities })),
        people: peopleWith(any.yTrue),
      },
    }),
  };
}

interface Column {
  yTrue: readonly number[];
  scores: readonly number[];
  found: readonly boolean[];
  patients?: readonly number[];
}

const columnOf = (rows: LabelRows, label: number): number[] => rows.map((row) => row[label]!);

/** Share of the labelled samples that have a label; 0 if none is labelled (the scores are then undefined anyway). */
function shareOf(truth: readonly number[]): number {
  const positives = truth.filter((y) => y === 1).length;
  const negatives = truth.filter((y) => y === 0).length;
  return positives / Math.max(positives + negatives, 1);
}

/** Without a positive, F2 would always be 0: it is left undefined instead. */
function withPositives(intervals: Intervals): Intervals {
  if (intervals.sensitivity.estimate !== undefined) return intervals;
  const none: BootstrapInterval = {
    ...{ estimate: undefined, low: undefined, high: undefined },
    resamples: 0,
  };
  return { ...intervals, f2: none, allPositive: none, difference: none };
}

/**
 * Scores of any of the labels. Its decisions follow from the labels' decisions, not from a threshold on its own
 * probability.
 */
function reportOfAny({ name, yTrue, probabilities, found }: AnyLabel, own: boolean): MeasuredLabel['report'] {
  const rows = (values: readonly number[]) => values.map((value) => [value]);
  const { labels } = evaluateProbabilities({
    ...{ labels: [name], yTrue: rows(yTrue), probabilities: rows(probabilities) },
  });
  const count = (y: number, isFound: boolean) =>
    yTrue.filter((truth, i) => truth === y && found[i] === isFound).length;
  const counts: DecisionCounts = {
    ...{ tp: count(1, true), fp: count(0, true) },
    ...{ fn: count(1, false), tn: count(0, false) },
  };
  // the prevalence of each label does not determine that of any of them
  const prevalence = own ? shareOf(yTrue) : undefined;
  const rates = decisionRates(counts, prevalence === undefined ? {} : { prevalence });
  const { threshold: _, ...scores } = labels[0]!;
  return { ...scores, ...rates, counts, prevalence };
}
