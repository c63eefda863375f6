/** Sections on how well labels are told: each takes figures and gives HTML. */
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

/** The labels, and a row of any of them, unless the model has that label. */
const rowsOf = ({ labels, any }: Measured): MeasuredLabel[] => [...labels, ...(any ? [any] : [])];

/** F2 over all labels, beside that of saying yes to everything. */
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
      Decisions of all labels pooled, at the thresholds of the model card. In brackets: 95% intervals,
      percentile bootstraps over ${counted(people)} (${resamples} resamples, each person with all slices): of
      the chance of these people, not of another training or hospital. "All positive" says yes to every label,
      and never looks at an image.
      ${
        measured.some(({ level }) => level === 'slices')
          ? 'A patient as a whole has the largest probability of the slices, and every label that a slice has.'
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
    <h3>Probabilities, whatever the threshold</h3>
    ${table(['label', 'AUC', 'AP', 'Brier', 'ECE', 'prevalence', 'PPV', 'NPV'], probabilities)}
    <p class="note">
      Sensitivity is also called recall. AUC: area under the ROC curve; AP: average precision; Brier: mean squared
      difference of probability and label; ECE: expected calibration error (15 bins); pooled: the entries of all
      labels together; mean: of the labels that have the score. PPV and NPV are those of the decisions at the
      prevalence in the table,
      ${
        measured.prevalence === 'own'
          ? `which is the share of these ${level}: elsewhere, with another share, they are others (PPV is the precision here).`
          : 'which was stated on the command line; it is not the share of this study.'
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
  return html`<br />${any.report.label}: ${one} is positive where any label is, found where any label is found at its
    own threshold, and left out where a label is not labelled and none is positive. Its probability is the largest of the
    labels', the least that they allow together.
    ${prevalence === 'own' ? '' : 'The share of patients that have any was not stated, so it has no predictive values.'}`;
} // prettier-ignore

/** Which scores there are not, and why. */
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
    unlabelled && `Not labelled here at all: ${unlabelled}.`,
    without && `None of these ${level} has ${without}: with nothing to find there is no sensitivity, F2, AUC or AP.`,
    only && `All of these ${level} have ${only}: with nobody without it there is no specificity or AUC.`,
  ].filter((line) => line !== '');
  return [
    html`<br />"${NONE}" is what these data do not define, such as a precision where nothing is found.`,
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
  return html`<h2>Curves of each label: ${LEVEL_NAMES[level]}</h2>
    <p class="note">
      Precision against recall (from ${FIRST_RECALL} on), the ROC curve, and how often the label was present by its probability (10
      bins; the larger a point, the more ${level}). The orange point is the decision at the
      threshold${any ? html`; that of ${any.report.label}, which each label's threshold makes, may lie beside its curves` : ''}.
      Dashed is what a predictor by chance, or a perfectly calibrated one, would have.
    </p>
    ${parts}`;
} // prettier-ignore

function confusion({ tp, fp, fn, tn }: MeasuredLabel['report']['counts'], threshold: number | undefined): Html {
  const rule = threshold === undefined ? 'any label found' : `probability at least ${threshold.toPrecision(3)}`;
  return html`<div class="counts">
    ${table(['', 'found', 'not found'], [['present', String(tp), String(fn)], ['absent', String(fp), String(tn)]])}
    <p class="note">found: ${rule}</p>
  </div>`;
} // prettier-ignore
