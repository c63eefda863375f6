import { readFileSync } from 'node:fs';

/** Scores of one label, or of all pooled; `null` where one is not defined. */
export interface GoldenScores {
  averagePrecision: number | null;
  rocAuc: number | null;
  brierScore: number;
  calibrationError: number;
  logLoss: number;
  precision: number | null;
  recall: number | null;
  specificity: number | null;
  fBeta: number | null;
  /** Mean probability and share of positives of each bin. */
  reliability: [number[], number[]];
  /** Precision, recall and thresholds, by `drop_intermediate`. */
  precisionRecall?: Record<'False' | 'True', [number[], number[], number[]]>;
  /** False and true positive rates, and thresholds without the first, by `drop_intermediate`. */
  roc?: Record<'False' | 'True', [number[], number[], number[]]>;
}

/** `test/golden/evaluation.json`, as its script writes it. */
export interface EvaluationGolden {
  threshold: number;
  cases: {
    name: string;
    yTrue: number[][];
    probabilities: number[][];
    perLabel: GoldenScores[];
    pooled: GoldenScores;
    averages?: Record<'micro' | 'macro' | 'weighted', { averagePrecision: number; rocAuc: number }>;
  }[];
  calibration: {
    name: string;
    logits: number[];
    yTrue: number[];
    /** Slope and intercept without targets of Platt's. */
    logisticRegression: [number, number];
    temperature: number;
    /** Slope and intercept with them. */
    plattTargets: [number, number];
  }[];
}

export function readEvaluationGolden(): EvaluationGolden {
  const file = new URL('../golden/evaluation.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as EvaluationGolden;
}
