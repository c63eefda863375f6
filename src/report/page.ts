/** The report of an evaluation, as one self-contained HTML page. */
import type { LabelRuns } from '../data/checks/label_runs';
import { modelCard, type ModelCard } from './card';
import { interruptions, worst } from './case_sections';
import { html } from './html';
import { curves, labelScores, summary } from './label_sections';
import type { Measured } from './measures';
import { page } from './style';
import { history } from './training';
import type { WorstCase } from './worst_cases';

/** Contents of the report. */
export interface EvaluationReport extends ModelCard {
  /** Shown before any figure. */
  warnings: readonly string[];
  /** Slices and patients, or patients only. */
  measured: readonly Measured[];
  resamples: number;
  /** The largest losses, at the level of the predictions. */
  worst: { level: Measured['level']; cases: readonly WorstCase[] };
  /** Interrupted labels, if there are labels and decisions per slice. */
  runs?: { truth: LabelRuns; predicted: LabelRuns };
}

/** The page's text; equal input gives equal text. */
export async function evaluationPage(report: EvaluationReport): Promise<string> {
  const { measured, manifest, warnings } = report;
  const levels = [];
  for (const level of measured) levels.push(await labelScores(level));
  for (const level of measured) levels.push(await curves(level));
  return page(`Evaluation of ${report.checkpoint} on ${report.study.folder}`, [
    html`<p class="note">Research use only. Not a medical device.</p>`,
    warnings.map((text) => html`<p class="warning">${text}</p> `),
    summary(measured, report.resamples),
    levels,
    worst(report.worst.cases, manifest.labels, report.worst.level),
    interruptions(report.runs),
    await history(report.epochs),
    modelCard(report),
  ]).text;
}
