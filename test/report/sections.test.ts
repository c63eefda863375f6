import { describe, expect, it } from 'vitest';
import { precisionRecallChart } from '../../src/report/charts';
import { worst } from '../../src/report/case_sections';
import { IntervalCells } from '../../src/report/figures';
import { html, NONE, type Html } from '../../src/report/html';
import { labelScores } from '../../src/report/label_sections';
import { measure } from '../../src/report/measures';
import { history } from '../../src/report/training';
import { trainingRows } from '../../src/report/training_record';
import type { EpochLog } from '../../src/training/stages/stage_log';

const text = (part: unknown) => html`${part as Html}`.text;

describe('IntervalCells', () => {
  it('marks an interval without width, and one of few resamples, and explains both', () => {
    const cells = new IntervalCells(100);
    expect(text(cells.cell({ estimate: 0.5, low: 0.2, high: 0.7, resamples: 95 }))).not.toMatch(/[†‡]/);
    expect(cells.explanations(5)).toEqual([]);
    expect(text(cells.cell({ estimate: 1, low: 1, high: 1, resamples: 100 }))).toContain('[1.000, 1.000]†');
    expect(text(cells.explanations(5))).toMatch(
      /† The interval has no width: every resample gives the same value/,
    );
    expect(text(cells.explanations(1))).toMatch(/there is only one person to resample/);
    expect(text(cells.cell({ estimate: 0.5, low: 0.2, high: 0.7, resamples: 94 }))).toContain(
      '[0.200, 0.700]‡',
    );
    expect(text(cells.explanations(5))).toMatch(/‡ The score is defined in fewer than 95% of 100 resamples/);
    expect(cells.cell({ estimate: undefined, low: undefined, high: undefined, resamples: 0 })).toBe(NONE);
  });
});

describe('labelScores', () => {
  it('names the labels that have no scores, and why', async () => {
    const measured = measure(
      {
        level: 'slices',
        people: ['a', 'a', 'b'],
        yTrue: [[0, 1, -1], [0, 1, -1], [0, 1, -1]],
        probabilities: [[0.9, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.1, 0.3]],
      },
      { labels: ['edh', 'sah', 'ivh'], thresholds: [0.5, 0.5, 0.5], seed: 1, resamples: 20 },
    ); // prettier-ignore
    const { text: page } = await labelScores(measured);
    expect(page).toMatch(/None of these slices has edh: without positives, sensitivity/);
    expect(page).toMatch(/All of these slices have sah, any hemorrhage: without negatives/);
    expect(page).toMatch(/Not labelled in this study: ivh\./);
  });
});

describe('precisionRecallChart', () => {
  it('begins where something is found, without a bar up to precision 1 at recall 0', async () => {
    // the two highest scores are a positive's and a negative's: precision is 1, 1/2, then 2/3 at a recall of 0.02
    const yTrue = [1, 0, 1, ...Array<number>(98).fill(1), 0];
    const probabilities = yTrue.map((_, i) => 1 - i / yTrue.length);
    const counts = { tp: 2, fp: 1, fn: 98, tn: 1 };
    const { text: chart } = await precisionRecallChart({ yTrue, probabilities, counts });
    const lines = [...chart.matchAll(/<path [^>]*stroke="#0072b2"[^>]*>/g)].map(([path]) => path);
    expect(lines).toHaveLength(1);
    const points = [...lines[0]!.matchAll(/([\d.]+),([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    const side = Math.max(...points.map(([x]) => x!));
    const atZero = points.filter(([x]) => x === 0).map(([, y]) => 1 - y! / side);
    expect(atZero.length).toBeGreaterThan(0);
    for (const precision of atZero) expect(precision).toBeCloseTo(2 / 3, 2);
  });
});

const log: EpochLog = {
  ...{ stage: 'pretrain', epoch: 1, loss: 1, f2: 0.2, validationLoss: 0.9, validationF2: 0.3 },
  ...{ validationThreshold: 0.4, validationF2PerLabel: [], best: false, seconds: 1 },
};

describe('history', () => {
  it('has all stages on one axis of epochs, each by name', async () => {
    const epochs = [
      { ...log, best: true },
      { ...log, epoch: 2 },
      { ...log, stage: 'warm-up', best: true },
      { ...log, stage: 'patients' },
    ];
    const { text: page } = await history(epochs);
    const charts = page.split('<svg').slice(1);
    expect(charts).toHaveLength(2);
    for (const chart of charts) {
      for (const shown of ['pretrain', 'warm-up', 'patients', '>4</text>', '>epoch</text>']) {
        expect(chart).toContain(shown);
      }
      // best epochs of two stages
      expect(chart.match(/fill="#d55e00"/g)).toHaveLength(2);
    }
  });
});

describe('worst', () => {
  it('groups slices by patient, the one with the largest loss first, and has a scale where there are maps', () => {
    const wrong = (patient: string, slice: string, loss: number) => ({
      ...{ patient, slice, loss, label: 0, yTrue: [1], probabilities: [0.1], plain: Uint8Array.of(1) },
    });
    const cases = [wrong('q', '1', 3), wrong('p', '2', 2), wrong('q', '3', 1)];
    const { text: plain } = worst(cases, ['ich'], 'slices');
    const order = [...plain.matchAll(/<h3>(\w)|<b>(\d)/g)].map(([, patient, slice]) => patient ?? slice);
    expect(order).toEqual(['q', '1', '3', 'p', '2']);
    expect(plain).not.toContain('<svg');
    const mapped = worst([{ ...cases[0]!, overlaid: Uint8Array.of(2) }], ['ich'], 'slices').text;
    expect(mapped).toMatch(/<svg [^>]*aria-label="scale of the heat maps"/);
    for (const number of ['0', '0.25', '0.5', '0.75', '1']) expect(mapped).toContain(`>${number}</text>`);
    expect(mapped.match(/<img /g)).toHaveLength(2);
  });
});

describe('trainingRows', () => {
  const rows = (...args: Parameters<typeof trainingRows>) =>
    Object.fromEntries(trainingRows(...args).map(([name, part]) => [name, text(part)]));

  it('says what a run recorded', () => {
    const config = {
      ...{
        data: ['a', 'b'],
        split: { train: ['p', 'q'], validation: ['r'], test: [] },
        seed: 3,
        patience: 5,
      },
      ...{ weights: 'vgg16.safetensors', origin: { commit: 'abc-dirty', weightsSha256: '0123' } },
      ...{ pretrain: false, warmUp: { learningRate: 1e-3, epochs: 30, decay: 'cosine', versions: 3 } },
      ...{ patients: { learningRate: { backbone: 1e-5, head: 1e-4 }, epochs: 3 }, augment: { rotation: 15 } },
    };
    const found = rows(config, [log, { ...log, stage: 'warm-up' }, { ...log, stage: 'warm-up' }]);
    expect(found['Training data']).toBe('a, b');
    expect(found['Patients']).toBe('train 2, validation 1, test 0');
    expect(found['Augmentation']).toContain('rotation: 15');
    expect(found['Initial weights']).toBe('vgg16.safetensors, SHA-256 0123');
    expect(found['Commit']).toContain('abc-dirty');
    const stages = found['Stages']!.replace(/\s*<[^>]*>\s*/g, '|').replace(/\|+/g, '|');
    expect(stages).toContain('|pretrain|left out|');
    expect(stages).toContain('|warm-up|0.001|cosine|2 of 30|versions 3|');
    expect(stages).toContain('|patients|backbone 0.00001|head 0.0001|not recorded|0 of 3|');
    expect(rows({ weights: null }, undefined)['Initial weights']).toMatch(/^none/);
    expect(rows({ augment: false }, undefined)['Augmentation']).toBe('none');
  });

  it('says of anything else that it was not recorded', () => {
    for (const config of [undefined, {}, { split: 1, origin: 2, pretrain: 'x', patients: null }]) {
      for (const [name, found] of Object.entries(rows(config, undefined))) {
        expect(found, name).toMatch(/^not recorded$/);
      }
    }
  });
});
