/** The course of the training: all stages on one axis of epochs. */
import type { EpochLog } from '../training/stages/stage_log';
import { sourceColor, svg } from './charts';
import { html, visible, type Html } from './html';
import { CHART } from './style';

/** Height of a line of stage names, in pixels. */
const LINE = 13;

/** Loss and F2 of all epochs, in training and validation. */
export async function history(epochs: readonly EpochLog[] | undefined): Promise<Html> {
  const title = html`<h2>Training</h2>`;
  if (!epochs?.length) {
    return html`${title}
      <p class="note">No history: the checkpoint is not in the folder of a training run.</p>`;
  }
  const charts = [
    await historyChart('loss', epochs, ({ loss }) => loss, ({ validationLoss }) => validationLoss),
    await historyChart('F2', epochs, ({ f2 }) => f2, ({ validationF2 }) => validationF2),
  ]; // prettier-ignore
  return html`${title}
    <div class="row wide">${charts}</div>
    <p class="note">
      Epochs of all stages in sequence. A dashed line marks the start of a stage, an orange point its best epoch. The
      training F2 is measured on the augmented images of each step, at the threshold of the last validation.
    </p>`;
} // prettier-ignore

type Value = (log: EpochLog) => number | null;

function historyChart(title: string, epochs: readonly EpochLog[], training: Value, validation: Value): Promise<Html> {
  const stages = [...new Set(epochs.map(({ stage }) => stage))];
  const stageOf = (log: EpochLog) => stages.indexOf(log.stage);
  const values = epochs.flatMap((log, i) =>
    [{ source: 'training', value: training(log) }, { source: 'validation', value: validation(log) }]
      .filter(({ value }) => value !== null)
      .map((one) => ({ ...one, epoch: i + 1, stage: stageOf(log) })),
  );
  const starts = stages.map((stage, place) => ({
    stage: visible(stage),
    start: epochs.findIndex((log) => log.stage === stage) + 0.5,
    // each on its own line: the names of short stages would overlap
    y: 8 - LINE * (stages.length - place),
  }));
  const bests = stages.flatMap((stage) => {
    const at = epochs.flatMap((log, i) => (log.stage === stage && log.best ? [i] : [])).at(-1);
    const value = at === undefined ? null : validation(epochs[at]!);
    return at === undefined || value === null ? [] : [{ epoch: at + 1, value }];
  });
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch',
    scale: { domain: [0.5, epochs.length + 0.5] as number[], nice: false, zero: false },
    axis: { tickMinStep: 1, format: 'd', grid: false },
  } as const;
  const y = { field: 'value', type: 'quantitative', title, scale: { zero: false } } as const;
  return svg(`${title} by epoch`, {
    width: 435,
    height: 200,
    layer: [
      {
        data: { values: starts },
        mark: { type: 'rule', strokeDash: [3, 3], color: CHART.gray },
        encoding: { x: { ...x, field: 'start' } },
      },
      ...starts.map(({ stage, start, y: line }) => ({
        data: { values: [{ stage, start }] },
        mark: { type: 'text', align: 'left', dx: 2, fontSize: 11 } as const,
        encoding: { x: { ...x, field: 'start' }, y: { value: line }, text: { field: 'stage' } },
      })),
      {
        data: { values },
        mark: { type: 'line', point: { size: 16 }, strokeWidth: 1.5 },
        encoding: {
          x,
          y,
          detail: { field: 'stage', type: 'nominal' },
          color: { ...sourceColor(['training', 'validation'], [CHART.gray, CHART.blue]), legend: { orient: 'bottom' } },
        },
      },
      {
        data: { values: bests },
        mark: { type: 'point', filled: true, opacity: 1, size: 60, color: CHART.orange },
        encoding: { x, y },
      },
    ],
  });
} // prettier-ignore
