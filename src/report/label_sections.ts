/** Sections on the scores of labels. */
import {
  f2Chart,
  FIRST_RECALL,
  precisionRecallChart,
  reliabilityChart,
  rocChart,
  type F2Row,
  type LabelScores,
} from './charts';
import { IntervalCells } from './figures';
import { html, NONE, score, table, type Html, type Part } from './html';
import type { Measured, MeasuredLabel } from './measures';

export const LEVEL_NAMES = { slices: 'slices', patients: 'patients as wholes' } as const;

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const peopleOf = (measured: Measured) => new Set(measured.people).size;
const counted = (people: number) => (people === 1 ? '1 person' : `${people} people`);

/** The labels, then any of them, unless the model has a label `any`. */
const rowsOf = ({ labels, any }: Measured): MeasuredLabel[] => [...labels, ...(any ? [any] : [])];

/** F2 over all labels, beside F2 if every decision were positive. */
export function summary(measured: readonly Measured[], resamples: number): Html {
  const people = new Set(measured.flatMap((level) => level.people)).size;
  const cells = new IntervalCells(resamples);
  const rows = measured.map(({ level, yTrue, pooled, report }): Part[] => [
    LEVEL_NAMES[level],
    String(yTrue.length),
    ...[pooled.f2, pooled.allPositive, pooled.difference, pooled.sensitivity, pooled.specificity].map((one) =>
      cells.cell(one),
    ),
    score(report.pooled.precision),
  ]);
  const header = ['decisions on', 'number', 'F2', 'F2 if all positive', 'difference', 'sensitivity', 'specificity', 'precision']; // prettier-ignore
  return html`<h2>F2 over all labels</h2>
    ${table(header, rows)}
    <p class="note">
      Decisions of all labels pooled, at the thresholds of the model card. In brackets: 95% intervals from
      percentile bootstraps over ${counted(people)} (${resamples} resamples, each person with all slices).
      They describe the sampling of people, not the variation between trainings or hospitals. "All positive"
      is a predictor that says yes to every label without looking at the image.
      ${
        measured.some(({ level }) => level === 'slices')
          ? 'A patient as a whole has the largest probability of its slices, and every label that any slice has.'
          : ''
      }
      ${cells.explanations(people)}
    </p>`;
}

/** Every score of every label. */
export async function labelScores(measured: Measured): Promise<Html> {
  const { level, report, pooled } = measured;
  const { macro } = report;
  const people = peopleOf(measured);
  const rows = rowsOf(measured);
  const cells = new IntervalCells(measured.resamples);
  const decisions = rows.map(({ report: own, intervals, people: having }): Part[] => [
    own.label,
    level === 'slices' ? `${own.positives} (${having})` : String(own.positives),
    String(own.negatives),
    ...[intervals.sensitivity, intervals.specificity].map((one) => cells.cell(one)),
    score(own.precision),
    ...[intervals.f2, intervals.allPositive].map((one) => cells.cell(one)),
  ]);
  decisions.push(
    [
      'pooled',
      String(report.pooled.positives),
      String(report.pooled.negatives),
      ...[pooled.sensitivity, pooled.specificity].map((one) => cells.cell(one)),
      score(report.pooled.precision),
      ...[pooled.f2, pooled.allPositive].map((one) => cells.cell(one)),
    ],
    ['mean', '', '', ...[macro.recall, macro.specificity, macro.precision, macro.fBeta].map(score), ''],
  );
  const probabilities = rows.map(({ report: own, intervals }): Part[] => [
    own.label,
    ...[intervals.rocAuc, intervals.averagePrecision].map((one) => cells.cell(one)),
    ...[own.brierScore, own.calibrationError].map(score),
    own.prevalence === undefined || own.positives + own.negatives === 0 ? NONE : percent(own.prevalence),
    ...[own.ppv, own.npv].map(score),
  ]);
  probabilities.push(
    [
      'pooled',
      ...[pooled.rocAuc, pooled.averagePrecision].map((one) => cells.cell(one)),
      ...[report.pooled.brierScore, report.pooled.calibrationError].map(score),
      ...['', '', ''],
    ],
    [
      'mean',
      ...[macro.rocAuc, macro.averagePrecision, macro.brierScore, macro.calibrationError].map(score),
      '',
      ...[macro.ppv, macro.npv].map(score),
    ],
  );
  const withIt = level === 'slices' ? 'slices with it (people)' : 'patients with it';
  return html`<h2>Scores of each label: ${LEVEL_NAMES[level]}</h2>
    <h3>Decisions at the thresholds</h3>
    ${table(['label', withIt, 'without', 'sensitivity', 'specificity', 'precision', 'F2', 'F2 if all positive'], decisions)}
    <h3>Probabilities, independent of the threshold</h3>
    ${table(['label', 'AUC', 'AP', 'Brier', 'ECE', 'prevalence', 'PPV', 'NPV'], probabilities)}
    <p class="note">
      Sensitivity is also called recall. AUC: area under the ROC curve; AP: average precision; Brier: mean squared
      difference of probability and label; ECE: expected calibration error (15 bins); pooled: over the entries of all
      labels; mean: over the labels whose score is defined. PPV and NPV are those of the decisions at the
      prevalence in the table,
      ${
        measured.prevalence === 'own'
          ? `which is that of these ${level}: at another prevalence they differ (here PPV is the precision).`
          : 'which was given on the command line and is not that of this study.'
      }
      ${anyNote(measured)} ${undefinedNote(rows, level)} ${cells.explanations(people)}
    </p>
    ${await f2Chart(rows.map(f2Row))}`;
} // prettier-ignore

const f2Row = ({ report, intervals }: MeasuredLabel): F2Row => ({
  label: report.label,
  model: intervals.f2,
  allPositive: intervals.allPositive,
});

function anyNote({ any, level, prevalence }: Measured): Part {
  if (!any) return '';
  const one = level === 'slices' ? 'a slice' : 'a patient';
  return html`<br />${any.report.label}: ${one} is positive if any label is, found if any label is found at its
    own threshold, and left out if a label is unknown and none is positive. Its probability is the largest of the
    labels' probabilities, a lower bound.
    ${prevalence === 'own' ? '' : 'Its prevalence was not given, so it has no predictive values.'}`;
} // prettier-ignore

/** Which scores are undefined, and why. */
function undefinedNote(rows: readonly MeasuredLabel[], level: Measured['level']): Part {
  const names = (chosen: (report: MeasuredLabel['report']) => boolean) =>
    rows
      .map(({ report }) => report)
      .filter(chosen)
      .map(({ label }) => label)
      .join(', ');
  const unlabelled = names(({ positives, negatives }) => positives + negatives === 0);
  const without = names(({ positives, negatives }) => positives === 0 && negatives > 0);
  const only = names(({ positives, negatives }) => negatives === 0 && positives > 0);
  const lines = [
    unlabelled && `Not labelled in this study: ${unlabelled}.`,
    without && `None of these ${level} has ${without}: without positives, sensitivity, F2, AUC and AP are undefined.`,
    only && `All of these ${level} have ${only}: without negatives, specificity and AUC are undefined.`,
  ].filter((line) => line !== '');
  return [
    html`<br />"${NONE}" marks undefined values, such as the precision if nothing is found.`,
    ...lines.map((line) => html` ${line}`),
  ];
} // prettier-ignore

/** Curves and the confusion matrix of each label. */
export async function curves(measured: Measured): Promise<Html> {
  const { yTrue, probabilities, level, any, labels } = measured;
  const parts: Html[] = [];
  for (const [l, { report, threshold }] of rowsOf(measured).entries()) {
    const column = l < labels.length ? undefined : any?.samples;
    const scores: LabelScores = {
      yTrue: column?.yTrue ?? yTrue.map((row) => row[l]!),
      probabilities: column?.probabilities ?? probabilities.map((row) => row[l]!),
      counts: report.counts,
    };
    parts.push(
      html`<div class="chart">
        <h3>${report.label}</h3>
        <div class="row">
          ${[await precisionRecallChart(scores), await rocChart(scores), await reliabilityChart(scores)]}
          ${confusion(report.counts, threshold)}
        </div>
      </div> `,
    );
  }
  const [first, ...others] = parts;
  // in one block: a browser that prints leaves a heading alone on a page in spite of its style
  return html`<div class="chart">
      <h2>Curves of each label: ${LEVEL_NAMES[level]}</h2>
      <p class="note">
        Precision against recall (from ${FIRST_RECALL}), the ROC curve, and the observed frequency of the label against its probability
        (10 bins; the larger a point, the more ${level}). The orange point is the operating point at the
        threshold${any ? html`; that of ${any.report.label}, which depends on the threshold of each label, may lie beside its curves` : ''}.
        Dashed: a predictor by chance, or a perfectly calibrated one.
      </p>
      ${first!}
    </div>
    ${others}`;
} // prettier-ignore

function confusion({ tp, fp, fn, tn }: MeasuredLabel['report']['counts'], threshold: number | undefined): Html {
  const rule = threshold === undefined ? 'any label found' : `probability at least ${threshold.toPrecision(3)}`;
  return html`<div class="counts">
    ${table(['', 'found', 'not found'], [['present', String(tp), String(fn)], ['absent', String(fp), String(tn)]])}
    <p class="note">found: ${rule}</p>
  </div>`;
} // prettier-ignore
