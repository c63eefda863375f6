/** Charts as SVG that stands in a page: drawn once, by vega without a browser. */
import type { Labels } from '../base/types';
import type { BootstrapInterval } from '../evaluation/bootstrap';
import type { DecisionCounts } from '../metrics/decision_counts';
import { reliabilityCurve } from '../metrics/probability_errors';
import { precisionRecallCurve, rocCurve } from '../metrics/score_curves';
import type { EpochLog } from '../training/stages/fit_stage';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { Html, html, visible } from './html';

const BLUE = '#0072b2';
const ORANGE = '#d55e00';
const GRAY = '#999999';
const SIDE = 190;
const UNIT = { domain: [0, 1] };
/** Points of a curve that are drawn: more cannot be distinguished. */
const MOST_POINTS = 400;

/** Truth and probabilities of one label. */
export interface LabelScores {
  yTrue: readonly number[];
  probabilities: readonly number[];
  /** Decisions at the label's threshold. */
  counts: DecisionCounts;
}

/** Precision against recall, with the point that the threshold makes; a text where there is no curve. */
export async function precisionRecallChart({ yTrue, probabilities, counts }: LabelScores): Promise<Html> {
  const curve = precisionRecallCurve(yTrue, probabilities, { dropIntermediate: true });
  if (!curve) return noChart('precision and recall', 'no positive');
  const points = curve.recall.map((recall, i) => ({ x: recall, y: curve.precision[i]! }));
  const share = yTrue.filter((y) => y === 1).length / yTrue.filter((y) => y >= 0).length;
  const chance = [0, 1].map((x) => ({ x, y: share }));
  const { tp, fp, fn } = counts;
  const found = tp + fp > 0 ? [{ x: tp / (tp + fn), y: tp / (tp + fp) }] : [];
  return unitSquare('precision against recall', ['recall', 'precision'], { points, chance, found, steps: true }); // prettier-ignore
}

/** True against false positive rate, with the point that the threshold makes; a text where there is no curve. */
export async function rocChart({ yTrue, probabilities, counts }: LabelScores): Promise<Html> {
  const curve = rocCurve(yTrue, probabilities);
  if (!curve) return noChart('ROC', 'positives or negatives are missing');
  const points = curve.fpr.map((fpr, i) => ({ x: fpr, y: curve.tpr[i]! }));
  const { tp, fp, fn, tn } = counts;
  const found = [{ x: fp / (fp + tn), y: tp / (tp + fn) }];
  return unitSquare('ROC curve', ['1 - specificity', 'recall'], { points, chance: DIAGONAL, found });
}

/** How often the label was present, by its probability; points are as large as their bins. */
export async function reliabilityChart({ yTrue, probabilities }: LabelScores): Promise<Html> {
  const bins = reliabilityCurve(yTrue, probabilities, { bins: 10 });
  if (bins.length === 0) return noChart('calibration', 'nothing labelled');
  const points = bins.map(({ meanProbability, positiveShare, count }) => ({ x: meanProbability, y: positiveShare, count })); // prettier-ignore
  return unitSquare('calibration', ['probability', 'share with the label'], { points, chance: DIAGONAL, bins: true }); // prettier-ignore
}

/** F2 of each label with its interval, and that of saying yes to everything. */
export async function f2Chart(
  labels: Labels,
  model: readonly BootstrapInterval[],
  allPositive: readonly BootstrapInterval[],
): Promise<Html> {
  const rows = (source: string, intervals: readonly BootstrapInterval[]) =>
    labels.map((label, l) => ({
      label: visible(label),
      source,
      ...intervals[l]!,
      f2: intervals[l]!.estimate,
    }));
  const values = [...rows('this model', model), ...rows('all positive', allPositive)].filter(
    ({ f2 }) => f2 !== undefined,
  );
  if (values.length === 0) return noChart('F2', 'nothing defined');
  const y = { field: 'label', type: 'nominal', sort: null, title: null } as const;
  const yOffset = { field: 'source', type: 'nominal', sort: null } as const;
  const color = sourceColor(['this model', 'all positive'], [BLUE, GRAY]);
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

/** Loss and F2 of a stage by epoch, in training and validation. */
export async function historyCharts(epochs: readonly EpochLog[]): Promise<Html[]> {
  const best = epochs.filter((epoch) => epoch.best).at(-1);
  const chart = async (
    title: string,
    training: 'loss' | 'f2',
    validation: 'validationLoss' | 'validationF2',
  ) => {
    const values = epochs.flatMap((log) => [
      { epoch: log.epoch, source: 'training', value: log[training] },
      ...(log[validation] === null ? [] : [{ epoch: log.epoch, source: 'validation', value: log[validation] }]),
    ]); // prettier-ignore
    return svg(`${title} by epoch`, {
      width: 360,
      height: 180,
      layer: [
        {
          data: { values },
          mark: { type: 'line', point: { size: 18 }, strokeWidth: 1.5 },
          encoding: {
            x: { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1, format: 'd', grid: false } },
            y: { field: 'value', type: 'quantitative', title, scale: { zero: false } },
            color: sourceColor(['training', 'validation'], [GRAY, BLUE]),
          },
        },
        {
          data: { values: best ? [{ epoch: best.epoch }] : [] },
          mark: { type: 'rule', strokeDash: [3, 3], color: ORANGE },
          encoding: { x: { field: 'epoch', type: 'quantitative' } },
        },
      ],
    });
  };
  return [await chart('loss', 'loss', 'validationLoss'), await chart('F2', 'f2', 'validationF2')];
}

interface Point {
  x: number;
  y: number;
}

const DIAGONAL: readonly Point[] = [{ x: 0, y: 0 }, { x: 1, y: 1 }]; // prettier-ignore

/** Points within 0..1, what chance would give, and the point of the decisions. */
async function unitSquare(
  about: string,
  [xTitle, yTitle]: readonly [string, string],
  drawn: { points: readonly Point[]; chance: readonly Point[]; found?: readonly Point[]; steps?: boolean; bins?: boolean }, // prettier-ignore
): Promise<Html> {
  const axis = { type: 'quantitative', scale: UNIT, axis: { tickCount: 5 } } as const;
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
        mark: { type: 'line', color: GRAY, strokeDash: [3, 3], strokeWidth: 1 },
        encoding: { x, y, order },
      },
      {
        data: { values: placed(thinned(drawn.points)) },
        mark: { type: 'line', color: BLUE, strokeWidth: 1.5, interpolate: drawn.steps ? 'step-after' : 'linear' },
        encoding: { x, y, order },
      },
      {
        data: { values: drawn.bins ? [...drawn.points] : [...(drawn.found ?? [])] },
        mark: { type: 'point', filled: true, opacity: 1, color: drawn.bins ? BLUE : ORANGE, size: 55 },
        encoding: { x, y, ...(drawn.bins && { size: { field: 'count', type: 'quantitative', legend: null, scale: { zero: true, rangeMin: 12, rangeMax: 160 } } }) },
      },
    ],
  }); // prettier-ignore
}

/** Points at even distances along a list, first and last among them. */
function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round((i * (points.length - 1)) / (MOST_POINTS - 1))]!); // prettier-ignore
}

const sourceColor = (domain: string[], range: string[]) =>
  ({ field: 'source', type: 'nominal', title: null, scale: { domain, range } }) as const;

const noChart = (what: string, why: string) => html`<p class="note">No chart of ${what}: ${why}.</p>`;

/** `about` is read out in place of the chart. Namespaces are for files of their own: within HTML the parser knows them. */
async function svg(about: string, spec: TopLevelSpec): Promise<Html> {
  const config = { aria: false, font: 'system-ui, sans-serif', axis: { labelLimit: 220 } };
  const { spec: compiled } = compile({ ...spec, background: 'white', config });
  const text = await new View(parse(compiled), { renderer: 'none' }).toSVG();
  const bare = new Html(text.replace(/^<svg[^>]*>/, (tag) => tag.replace(/ (xmlns(:xlink)?|version)="[^"]*"/g, '').slice('<svg'.length))); // prettier-ignore
  return html`<svg role="img" aria-label="${about}" ${bare}`;
}
