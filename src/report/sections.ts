/** Sections of the report: each takes figures and gives HTML. */
import type { Labels } from '../base/types';
import type { LabelRuns } from '../data/checks/label_runs';
import type { DecisionCounts } from '../metrics/decision_counts';
import type { EpochLog } from '../training/stages/fit_stage';
import {
  f2Chart,
  historyCharts,
  precisionRecallChart,
  reliabilityChart,
  rocChart,
  type LabelScores,
} from './charts';
import { Html, html, interval, NONE, score, table, type Part } from './html';
import type { WorstCase } from './worst_cases';
import type { Measured } from './measures';

/** Rows of a list that are shown; what is left out is counted. */
const MOST_ROWS = 20;

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const nothing = (text: string) => html`<p class="note">${text}</p>`;
const NAMES = { slices: 'slices', patients: 'patients as wholes' } as const;

/** F2 over all labels, beside that of saying yes to everything. */
export function summary(measured: readonly Measured[], resamples: number): Html {
  const people = new Set(measured.flatMap((level) => level.people)).size;
  const rows = measured.map(({ level, yTrue, f2, allPositive, difference, report }) => [
    NAMES[level],
    String(yTrue.length),
    interval(f2),
    interval(allPositive),
    interval(difference),
    score(report.pooled.precision),
    score(report.pooled.recall),
    score(report.pooled.specificity),
  ]);
  const header = ['decisions on', 'number', 'F2 [95%]', 'F2 if all positive [95%]', 'difference [95%]', 'precision', 'recall', 'specificity']; // prettier-ignore
  return html`<h2>F2 over all labels</h2>
    ${table(header, rows)}
    <p class="note">
      Decisions of all labels pooled, at the thresholds of the model card. Intervals are percentile bootstraps
      over ${people} ${people === 1 ? 'person, which gives them no width' : 'people'} (${resamples}
      resamples): of the chance of these people, not of another training or hospital. "All positive" says yes
      to every label, and never looks at an image.
      ${
        measured.some(({ level }) => level === 'slices')
          ? 'A patient as a whole has the largest probability of the slices, and every label that a slice has.'
          : ''
      }
    </p>`;
}

/** Every score of every label. */
export async function labelScores(measured: Measured, labels: Labels): Promise<Html> {
  const { report, f2PerLabel, allPositivePerLabel, level, prevalence } = measured;
  const rows = report.labels.map((row, l): Part[] => [
    row.label,
    String(row.positives),
    String(row.negatives),
    interval(f2PerLabel[l]!),
    score(allPositivePerLabel[l]!.estimate),
    ...[row.precision, row.recall, row.specificity, row.averagePrecision, row.rocAuc].map(score),
    ...[row.brierScore, row.calibrationError].map(score),
    row.positives + row.negatives === 0 ? NONE : percent(row.prevalence!),
    ...[row.ppv, row.npv].map(score),
  ]);
  const { pooled, macro } = report;
  for (const [name, scores] of [['pooled', pooled], ['mean', macro]] as const) {
    const isPooled = scores === pooled;
    rows.push([
      name,
      isPooled ? String(pooled.positives) : '',
      isPooled ? String(pooled.negatives) : '',
      isPooled ? interval(measured.f2) : score(scores.fBeta),
      isPooled ? score(measured.allPositive.estimate) : '',
      ...[scores.precision, scores.recall, scores.specificity, scores.averagePrecision, scores.rocAuc].map(score),
      ...[scores.brierScore, scores.calibrationError].map(score),
      '',
      ...(isPooled ? ['', ''] : [scores.ppv, scores.npv].map(score)),
    ]);
  } // prettier-ignore
  const header = ['label', `${level} with it`, 'without', 'F2 [95%]', 'F2 if all positive', 'precision', 'recall', 'specificity', 'AP', 'AUC', 'Brier', 'ECE', 'prevalence', 'PPV', 'NPV']; // prettier-ignore
  return html`<h2>Scores of each label: ${NAMES[level]}</h2>
    ${table(header, rows)}
    <p class="note">
      AP: average precision; AUC: area under the ROC curve; Brier: mean squared difference of probability and
      label; ECE: expected calibration error (15 bins); pooled: the entries of all labels together; mean: of
      the labels that have the score. "${NONE}" is what these data do not define, such as a recall without a
      positive. PPV and NPV are at the prevalence in the table,
      ${
        prevalence === 'own'
          ? `which is the share of these ${level}: elsewhere, with another share, they are others (PPV is the precision here).`
          : 'which was stated on the command line; it is not the share of this study.'
      }
    </p>
    ${await f2Chart(labels, f2PerLabel, allPositivePerLabel)}`;
}

/** Curves and the confusion matrix of each label. */
export async function curves(measured: Measured): Promise<Html> {
  const { report, yTrue, probabilities, level } = measured;
  const parts: Html[] = [];
  for (const [l, { label, counts, threshold }] of report.labels.entries()) {
    const scores: LabelScores = {
      yTrue: yTrue.map((row) => row[l]!),
      probabilities: probabilities.map((row) => row[l]!),
      counts,
    };
    parts.push(
      html`<h3>${label}</h3>
        <div class="row">
          ${[await precisionRecallChart(scores), await rocChart(scores), await reliabilityChart(scores)]}
          ${confusion(counts, threshold)}
        </div> `,
    );
  }
  return html`<h2>Curves of each label: ${NAMES[level]}</h2>
    <p class="note">
      Precision against recall, the ROC curve, and how often the label was present by its probability (10
      bins; the larger a point, the more ${level}). The orange point is the decision at the threshold; dashed
      is what a predictor by chance, or a perfectly calibrated one, would have.
    </p>
    ${parts}`;
}

function confusion({ tp, fp, fn, tn }: DecisionCounts, threshold: number): Html {
  return html`<div>
    ${table(['', 'found', 'not found'], [['present', String(tp), String(fn)], ['absent', String(fp), String(tn)]])}
    <p class="note">found: probability at least ${threshold.toPrecision(3)}</p>
  </div>`; // prettier-ignore
}

/** Loss and F2 of each stage of the training. */
export async function history(epochs: readonly EpochLog[] | undefined): Promise<Html> {
  const title = html`<h2>Training</h2>`;
  if (!epochs?.length) return html`${title}${nothing("No history: the checkpoint does not lie in a training run's folder.")}`; // prettier-ignore
  const stages = [...new Set(epochs.map(({ stage }) => stage))];
  const parts: Html[] = [];
  for (const stage of stages) {
    const charts = await historyCharts(epochs.filter((epoch) => epoch.stage === stage));
    parts.push(
      html`<h3>Stage ${stage}</h3>
        <div class="row">${charts}</div>`,
    );
  }
  return html`${title}${parts}
    <p class="note">
      Dashed: the best epoch of the stage. F2 of the training is on augmented images, at 0.5.
    </p>`;
}

/** The largest losses, with pictures. */
export function worst(cases: readonly WorstCase[], labels: Labels, level: Measured['level']): Html {
  const title = html`<h2>Most wrong: ${level}</h2>`;
  if (cases.length === 0) return html`${title}${nothing('None asked for.')}`;
  const found = (values: readonly number[], is: (value: number) => boolean) =>
    labels.filter((_, l) => is(values[l]!)).join(', ') || 'none';
  const figures = cases.map(({ patient, slice, loss, label, yTrue, probabilities, png, withoutMap }) => {
    const image = new Html(`data:image/png;base64,${base64(png)}`);
    const unlabelled = found(yTrue, (y) => y < 0);
    return html`<figure>
      <img src="${image}" alt="slice ${slice} of ${patient}, and below it with a heat map" />
      <figcaption>
        <b>${patient}</b>, ${slice}<br />
        present: ${found(yTrue, (y) => y === 1)}${unlabelled === 'none' ? '' : html`; not labelled: ${unlabelled}`}<br />
        most wrong: ${labels[label]!}, ${yTrue[label] === 1 ? 'present' : 'absent'}, probability
        ${score(probabilities[label])}<br />
        log loss ${score(loss)}${withoutMap === undefined ? '' : html`<br />no map: ${withoutMap}`}
      </figcaption>
    </figure>`;
  }); // prettier-ignore
  const shown =
    level === 'patients' ? ' Of a patient, the slice with the hottest point (or, without maps, the middle one).' : ''; // prettier-ignore
  return html`${title}
    <p class="note">
      The ${level} with the largest log loss (mean over the labels): hard, or labelled wrongly. Above: the
      first channel as the model sees it. Below: Grad-CAM of the label that is most wrong, what speaks for it;
      without colour nothing does, or the hottest point is on another slice of the patient.${shown}
    </p>
    <div class="slices">${figures}</div>`;
}

/** Labels that stop and start again along a patient's slices. */
export function interruptions(runs: { truth: LabelRuns; predicted: LabelRuns } | undefined): Html {
  const title = html`<h2>Labels that stop and start again</h2>`;
  if (!runs) return html`${title}${nothing('Not known: there are no labels and decisions of slices.')}`;
  const { truth, predicted } = runs;
  const counts = truth.counts.map(({ label, patients, interrupted }, l) => [
    label,
    ...[patients, interrupted, predicted.counts[l]!.patients, predicted.counts[l]!.interrupted].map(String),
  ]);
  const header = ['label', 'patients with it', 'of them interrupted', 'patients predicted', 'of them interrupted']; // prettier-ignore
  const list = (name: string, { interrupted }: LabelRuns) => {
    if (interrupted.length === 0) return nothing(`${name}: none.`);
    const more = interrupted.length - MOST_ROWS;
    const items = interrupted.slice(0, MOST_ROWS).map(({ patient, label, gaps }) => {
      const slices = gaps.flatMap((gap) => gap.slices);
      const rest = slices.length > 6 ? ` and ${slices.length - 6} more` : '';
      return html`<li>${patient}: ${label} is off on ${slices.slice(0, 6).join(', ')}${rest}</li> `;
    });
    return html`<h3>${name}</h3>
      <ul>
        ${items}
      </ul>
      ${more > 0 ? nothing(`and ${more} more`) : ''}`;
  };
  return html`${title}${table(header, counts)}
    <p class="note">Two separate bleedings, or a slice that is labelled (or decided) wrongly.</p>
    ${list('In the truth', truth)}${list('In the decisions', predicted)}`;
}

const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
