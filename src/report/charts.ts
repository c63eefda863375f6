/** Charts as inline SVG, rendered once by vega without a browser. */
import type { BootstrapInterval } from '../evaluation/bootstrap';
import type { DecisionCounts } from '../metrics/decision_counts';
import { reliabilityCurve } from '../metrics/probability_errors';
import { precisionRecallCurve, rocCurve } from '../metrics/score_curves';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { Html, html, visible } from './html';
import { CHART } from './style';

/** Side of a chart in pixels: three with their axes fit side by side on A4. */
const SIDE = 160;
const UNIT = { domain: [0, 1] };
/** Recall from which precision is drawn: the part before it would be hardly wider than a line. */
export const FIRST_RECALL = 0.02;
/** Most points drawn of a curve: more cannot be distinguished. */
const MOST_POINTS = 400;

/** Truth and probabilities of one label. */
export interface LabelScores {
  yTrue: readonly number[];
  probabilities: readonly number[];
  /** Decisions at the label's threshold. */
  counts: DecisionCounts;
}

/**
 * Precision against recall, with the operating point at the threshold; a sentence if the curve is undefined.
 *
 * Starts at {@link FIRST_RECALL}: below it, the curve's end point (0, 1) or the precision of the first few findings
 * would appear as a vertical bar. To the left of it the curve is drawn horizontally.
 */
export async function precisionRecallChart({ yTrue, probabilities, counts }: LabelScores): Promise<Html> {
  const curve = precisionRecallCurve(yTrue, probabilities, { dropIntermediate: true });
  if (!curve) return noChart('precision and recall', 'no positive');
  const reached = curve.recall
    .map((x, i) => ({ x, y: curve.precision[i]! }))
    .filter(({ x }) => x >= FIRST_RECALL);
  const points = [...reached, { x: 0, y: reached.at(-1)!.y }];
  const share = yTrue.filter((y) => y === 1).length / yTrue.filter((y) => y >= 0).length;
  const chance = [0, 1].map((x) => ({ x, y: share }));
  const { tp, fp, fn } = counts;
  const found = tp + fp > 0 ? [{ x: tp / (tp + fn), y: tp / (tp + fp) }] : [];
  return unitSquare('precision against recall', ['recall', 'precision'], { points, chance, found, steps: true }); // prettier-ignore
}

/**
 * True against false positive rate, with the operating point at the threshold; a sentence if the curve is undefined.
 */
export async function rocChart({ yTrue, probabilities, counts }: LabelScores): Promise<Html> {
  const curve = rocCurve(yTrue, probabilities);
  if (!curve) return noChart('ROC', 'positives or negatives are missing');
  const points = curve.fpr.map((fpr, i) => ({ x: fpr, y: curve.tpr[i]! }));
  const { tp, fp, fn, tn } = counts;
  const found = [{ x: fp / (fp + tn), y: tp / (tp + fn) }];
  return unitSquare('ROC curve', ['1 - specificity', 'recall'], { points, chance: DIAGONAL, found });
}

/** Observed frequency of the label against its predicted probability; the size of a point is its bin's count. */
export async function reliabilityChart({ yTrue, probabilities }: LabelScores): Promise<Html> {
  const bins = reliabilityCurve(yTrue, probabilities, { bins: 10 });
  if (bins.length === 0) return noChart('calibration', 'no labels');
  const points = bins.map(({ meanProbability, positiveShare, count }) => ({ x: meanProbability, y: positiveShare, count })); // prettier-ignore
  return unitSquare('calibration', ['probability', 'share with the label'], { points, chance: DIAGONAL, bins: true }); // prettier-ignore
}

/** A label, F2 of the model's decisions, and F2 if every decision were positive. */
export interface F2Row {
  label: string;
  model: BootstrapInterval;
  allPositive: BootstrapInterval;
}

/** F2 of each label with its interval, beside F2 if every decision were positive. */
export async function f2Chart(rows: readonly F2Row[]): Promise<Html> {
  const of = (source: string, which: 'model' | 'allPositive') =>
    rows.map((row) => ({
      label: visible(row.label),
      source,
      ...row[which],
      f2: row[which].estimate,
    }));
  const values = [...of('this model', 'model'), ...of('all positive', 'allPositive')].filter(
    ({ f2 }) => f2 !== undefined,
  );
  if (values.length === 0) return noChart('F2', 'undefined for every label');
  const y = { field: 'label', type: 'nominal', sort: null, title: null } as const;
  const yOffset = { field: 'source', type: 'nominal', sort: null } as const;
  const color = sourceColor(['this model', 'all positive'], [CHART.blue, CHART.gray]);
  const x = { type: 'quantitative', scale: UNIT } as const;
  return svg('F2 of each label', {
    width: 420,
    height: { step: 13 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { y, yOffset, color, x: { ...x, field: 'low', title: 'F2' }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { y, yOffset, color, x: { ...x, field: 'f2' } },
      },
    ],
  });
}

interface Point {
  x: number;
  y: number;
}

const DIAGONAL: readonly Point[] = [{ x: 0, y: 0 }, { x: 1, y: 1 }]; // prettier-ignore

/** A curve within 0..1, that of chance, and the operating point. */
async function unitSquare(
  about: string,
  [xTitle, yTitle]: readonly [string, string],
  drawn: { points: readonly Point[]; chance: readonly Point[]; found?: readonly Point[]; steps?: boolean; bins?: boolean }, // prettier-ignore
): Promise<Html> {
  const ticks = { tickCount: 5, labelFlush: false, labelOverlap: false } as const;
  const axis = { type: 'quantitative', scale: UNIT, axis: ticks } as const;
  const x = { ...axis, field: 'x', title: xTitle } as const;
  const y = { ...axis, field: 'y', title: yTitle } as const;
  const order = { field: 'place', type: 'quantitative' } as const;
  const placed = (points: readonly Point[]) => points.map((point, place) => ({ ...point, place }));
  return svg(about, {
    width: SIDE,
    height: SIDE,
    layer: [
      {
        data: { values: placed(drawn.chance) },
        mark: { type: 'line', color: CHART.gray, strokeDash: [3, 3], strokeWidth: 1 },
        encoding: { x, y, order },
      },
      {
        data: { values: placed(thinned(drawn.points)) },
        mark: { type: 'line', color: CHART.blue, strokeWidth: 1.5, interpolate: drawn.steps ? 'step-after' : 'linear' },
        encoding: { x, y, order },
      },
      {
        data: { values: drawn.bins ? [...drawn.points] : [...(drawn.found ?? [])] },
        mark: { type: 'point', filled: true, opacity: 1, color: drawn.bins ? CHART.blue : CHART.orange, size: 55 },
        encoding: { x, y, ...(drawn.bins && { size: { field: 'count', type: 'quantitative', legend: null, scale: { zero: true, rangeMin: 12, rangeMax: 160 } } }) },
      },
    ],
  }); // prettier-ignore
}

/** Evenly spaced points of a list, including the first and the last. */
function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round((i * (points.length - 1)) / (MOST_POINTS - 1))]!); // prettier-ignore
}

/** Colours of the sources that a chart compares. */
export const sourceColor = (domain: string[], range: string[]) =>
  ({ field: 'source', type: 'nominal', title: null, scale: { domain, range } }) as const;

const noChart = (what: string, why: string) => html`<p class="note">No chart of ${what}: ${why}.</p>`;

/** `about` is the chart's label for screen readers. Inline SVG needs no namespaces, so they are removed. */
export async function svg(about: string, spec: TopLevelSpec): Promise<Html> {
  const text = { labelColor: CHART.text, titleColor: CHART.text };
  const axis = { ...text, labelLimit: 220, domainColor: CHART.axis, tickColor: CHART.axis, gridColor: CHART.grid }; // prettier-ignore
  const config = { aria: false, font: 'system-ui, sans-serif', axis, legend: text, view: { stroke: CHART.grid }, text: { color: CHART.text } }; // prettier-ignore
  const { spec: compiled } = compile({ ...spec, background: 'transparent', config });
  const drawn = await new View(parse(compiled), { renderer: 'none' }).toSVG();
  const bare = new Html(drawn.replace(/^<svg[^>]*>/, (tag) => tag.replace(/ (xmlns(:xlink)?|version)="[^"]*"/g, '').slice('<svg'.length))); // prettier-ignore
  return html`<svg role="img" aria-label="${about}" ${bare}`;
}
