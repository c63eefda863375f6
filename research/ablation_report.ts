import path from 'node:path';
import {
  bootstrapDifference,
  bootstrapInterval,
  chooseThresholds,
  countDecisions,
  decisionRates,
  poolCounts,
  type Labels,
} from 'ct-multilabel';
import { compile, type TopLevelSpec } from 'vega-lite';
import { parse, View } from 'vega';
import type { Arrangement } from './ablation_arrangements';
import { textTable } from '../src/cli/terminal';
import { writeFileAtomic } from '../src/node/files/atomic_write';
import type { BootstrapInterval } from '../src/evaluation/bootstrap';
import type { DecisionCounts } from '../src/metrics/decision_counts';

/** Probabilities and truth of a patient's slices, `[slices][labels]`. */
export interface PatientScores {
  patient: string;
  probabilities: number[][];
  truth: number[][];
}

/** One arrangement on one fold. */
export interface Run {
  arrangement: Arrangement;
  repeat: number;
  fold: number;
  /** Patients that were not used for training. */
  test: PatientScores[];
  /** Patients on which the best epoch and the thresholds are chosen. */
  validation: PatientScores[];
  /** Number of parameters of the head. */
  parameters: number;
}

/** Decision thresholds: 0.5, or chosen on each run's validation patients. */
type Way = 'at 0.5' | 'chosen thresholds';
const WAYS: readonly Way[] = ['at 0.5', 'chosen thresholds'];

/** An arrangement's result for one choice of thresholds. */
interface Result {
  f2: BootstrapInterval;
  /** Difference from the baseline, on the same resamples of patients. */
  difference: BootstrapInterval | undefined;
  /** F2 per fold. */
  folds: number[];
  perLabel: number[];
}

/** Writes results.csv (every run), results.md (the table) and results.svg, and prints the table. */
export async function report(
  out: string,
  runs: readonly Run[],
  labels: Labels,
  about: { command: string; seed: number; patients: number; plain: string },
): Promise<void> {
  const arrangements = [...new Map(runs.map(({ arrangement }) => [arrangement.name, arrangement])).values()];
  const results = new Map<string, Record<Way, Result>>();
  const counted = new Map(
    arrangements.map(({ name }) => [
      name,
      countsOf(
        runs.filter((run) => run.arrangement.name === name),
        labels,
      ),
    ]),
  );
  for (const { name } of arrangements) {
    const resultOf = (way: Way): Result => {
      const own = counted.get(name)![way];
      const plain = name === about.plain ? undefined : counted.get(about.plain)?.[way];
      return {
        f2: bootstrapInterval(own.patients, f2Of, { seed: about.seed }),
        difference: plain && differenceOf(own.patients, plain.patients, about.seed),
        folds: own.folds.map((counts) => f2Of(counts) ?? 0),
        perLabel: labels.map((_, l) => f2Of(own.folds.map((counts) => counts[l]!)) ?? 0),
      };
    };
    results.set(name, { 'at 0.5': resultOf('at 0.5'), 'chosen thresholds': resultOf('chosen thresholds') });
  }

  const anyPublished = arrangements.some(({ published }) => published !== undefined);
  const rows = arrangements.map(({ name, published }) => {
    const result = results.get(name)!;
    return [
      name,
      ...WAYS.flatMap((way) => [intervalText(result[way].f2), intervalText(result[way].difference)]),
      rounded(runs.find((run) => run.arrangement.name === name)!.parameters),
      ...(anyPublished
        ? [published ? `${published.validationF2.toFixed(3)} / ${published.kaggleF2.toFixed(3)}` : '']
        : []),
    ];
  });
  const header = [
    'arrangement',
    ...WAYS.flatMap((way) => [`F2 ${way} [95%]`, `minus ${about.plain}'s [95%]`]),
    'parameters of the head',
    ...(anyPublished ? ['published F2, validation / test'] : []),
  ];
  const perLabel = arrangements.map(({ name }) => [
    name,
    ...results.get(name)!['chosen thresholds'].perLabel,
  ]);
  const repeats = new Set(runs.map(({ repeat }) => repeat)).size;
  const foldCount = new Set(runs.map(({ fold }) => fold)).size;
  const markdown = [
    `Made by \`${about.command}\`.`,
    `${about.patients} patients, ${foldCount} folds, ${repeats} repeat${repeats > 1 ? 's' : ''}, seed ${about.seed}. F2 pools the labels of all slices of patients that the model was not trained on; intervals are percentile bootstraps over patients.`,
    markdownTable(header, rows),
    'F2 per label, chosen thresholds:',
    markdownTable(
      ['arrangement', ...labels],
      perLabel.map((row) => row.map(cell)),
    ),
  ].join('\n\n');
  await writeFileAtomic(path.join(out, 'results.md'), `${markdown}\n`);
  await writeFileAtomic(path.join(out, 'results.csv'), csvOf(arrangements, results, labels));
  await writeFileAtomic(path.join(out, 'results.svg'), await svgOf(arrangements, results));
  console.log(`\n${textTable(header, rows)}\n\n${out}: results.md, results.csv, results.svg`);
}

const f2Of = (counts: readonly DecisionCounts[]) => decisionRates(poolCounts(counts)).fBeta;

/** F2 of one arrangement minus another's, on the same patients. */
function differenceOf(first: readonly DecisionCounts[], second: readonly DecisionCounts[], seed: number) {
  const pairs = first.map((own, i) => [own, second[i]!] as const);
  return bootstrapDifference(
    pairs,
    (sample) => f2Of(sample.map(([own]) => own)),
    (sample) => f2Of(sample.map(([, other]) => other)),
    { seed },
  );
}

interface Counted {
  /** Decision counts per patient, pooled over repeats and labels; patients in the order of their ids. */
  patients: DecisionCounts[];
  /** `[runs][labels]`. */
  folds: DecisionCounts[][];
}

function countsOf(runs: readonly Run[], labels: Labels): Record<Way, Counted> {
  const counted = (thresholdsOf: (run: Run) => number[]): Counted => {
    const byPatient = new Map<string, DecisionCounts[]>();
    const folds = runs.map((run) => {
      const threshold = thresholdsOf(run);
      const counts = run.test.map(({ patient, truth, probabilities }) => {
        const ofPatient = countDecisions(truth, probabilities, { threshold });
        byPatient.set(patient, [...(byPatient.get(patient) ?? []), ...ofPatient]);
        return ofPatient;
      });
      return labels.map((_, label) => poolCounts(counts.map((ofPatient) => ofPatient[label]!)));
    });
    const ids = [...byPatient.keys()].sort();
    return { patients: ids.map((id) => poolCounts(byPatient.get(id)!)), folds };
  };
  return {
    'at 0.5': counted(() => labels.map(() => 0.5)),
    'chosen thresholds': counted(({ validation }) => {
      const yTrue = validation.flatMap(({ truth }) => truth);
      const probabilities = validation.flatMap((patient) => patient.probabilities);
      return chooseThresholds({ labels, yTrue, probabilities }).thresholds;
    }),
  };
}

const rounded = (count: number) =>
  count < 1e5 ? `${(count / 1e3).toFixed(1)} k` : `${(count / 1e6).toFixed(2)} M`;

const cell = (value: string | number) => (typeof value === 'number' ? value.toFixed(3) : value);

function intervalText(interval: BootstrapInterval | undefined): string {
  if (interval?.estimate === undefined) return '';
  const [low, high] = [interval.low, interval.high].map((value) => value?.toFixed(3) ?? '-');
  return `${interval.estimate.toFixed(3)} [${low}, ${high}]`;
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function csvOf(
  arrangements: readonly Arrangement[],
  results: ReadonlyMap<string, Record<Way, Result>>,
  labels: Labels,
): string {
  const lines = [
    [
      'arrangement',
      'decided',
      'f2',
      'low',
      'high',
      'difference',
      'difference_low',
      'difference_high',
      ...labels,
      'folds',
    ],
  ];
  for (const { name } of arrangements) {
    for (const way of WAYS) {
      const { f2, difference, folds, perLabel } = results.get(name)![way];
      const numbers = [
        f2.estimate,
        f2.low,
        f2.high,
        difference?.estimate,
        difference?.low,
        difference?.high,
        ...perLabel,
      ];
      lines.push([
        `"${name}"`,
        way,
        ...numbers.map((value) => value?.toFixed(4) ?? ''),
        folds.map((value) => value.toFixed(4)).join(' '),
      ]);
    }
  }
  return `${lines.map((line) => line.join(',')).join('\n')}\n`;
}

/** Draws F2 with its interval and the published value, one line per arrangement. */
async function svgOf(
  arrangements: readonly Arrangement[],
  results: ReadonlyMap<string, Record<Way, Result>>,
): Promise<string> {
  const measured = arrangements.flatMap(({ name }) =>
    WAYS.map((way) => ({
      arrangement: name,
      source: way,
      ...results.get(name)![way].f2,
      f2: results.get(name)![way].f2.estimate,
    })),
  );
  const published = arrangements.flatMap(({ name, published: figures }) =>
    figures ? [{ arrangement: name, source: 'published (test)', f2: figures.kaggleF2 }] : [],
  );
  const y = {
    field: 'arrangement',
    type: 'nominal',
    sort: arrangements.map(({ name }) => name),
    title: null,
  } as const;
  const color = {
    field: 'source',
    type: 'nominal',
    title: null,
    scale: { range: ['#999999', '#0072b2', '#d55e00'] },
  } as const;
  const yOffset = { field: 'source', type: 'nominal' } as const;
  const spec: TopLevelSpec = {
    width: 480,
    height: { step: 12 },
    background: 'white',
    config: { axis: { labelLimit: 420 } },
    layer: [
      {
        data: { values: measured },
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: {
          y,
          yOffset,
          color,
          x: { field: 'low', type: 'quantitative', title: 'F2' },
          x2: { field: 'high' },
        },
      },
      {
        data: { values: [...measured, ...published] },
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { y, yOffset, color, x: { field: 'f2', type: 'quantitative' } },
      },
    ],
  };
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}
