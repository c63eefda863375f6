import * as tf from '@tensorflow/tfjs';
import { asymmetricLoss } from 'ct-multilabel';
import type { AsymmetricLossOptions } from '../src/losses/asymmetric_loss';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** Settings with which the loss is the one of this name. */
const LOSSES: Readonly<Record<string, AsymmetricLossOptions>> = {
  'cross entropy (gammas 0, clip 0)': { gammaNeg: 0, gammaPos: 0, clip: 0 },
  'focal (gammas 2, clip 0)': { gammaNeg: 2, gammaPos: 2, clip: 0 },
  'asymmetric (4, 1, clip 0.05)': {},
};

/** Okabe and Ito's palette, which colour-blind readers can distinguish. */
const COLORS = ['#999999', '#e69f00', '#0072b2'];

/** Dashes distinguish the curves without colours. */
const DASHES = [[2, 2], [6, 3], [1, 0]]; // prettier-ignore

/** Plots of the loss and its gradient by the probability that the model gives, of a positive and a negative label, by file name. */
export async function drawLossPlots(): Promise<Record<string, string>> {
  return {
    'loss-positive.svg': await plot(1, 'A label that is present'),
    'loss-negative.svg': await plot(0, 'A label that is absent'),
  };
}

async function plot(label: 0 | 1, title: string): Promise<string> {
  const points = Object.entries(LOSSES).flatMap(([loss, options]) => curve(loss, options, label));
  const color = {
    field: 'loss',
    type: 'nominal',
    sort: Object.keys(LOSSES),
    scale: { domain: Object.keys(LOSSES), range: COLORS },
    legend: { title: null, orient: 'bottom', labelLimit: 260, symbolSize: 300, columns: 3 },
  } as const;
  const panel = (field: 'value' | 'slope', yTitle: string, domain: [number, number]) => ({
    width: 330,
    height: 230,
    mark: { type: 'line', strokeWidth: 2, clip: true } as const,
    encoding: {
      x: axis('probability', 'probability that the model gives', [0, 1]),
      y: axis(field, yTitle, domain),
      color,
      strokeDash: { ...color, scale: { domain: Object.keys(LOSSES), range: DASHES } },
    },
  });
  return svg({
    title: { text: title, anchor: 'start' },
    data: { values: points },
    hconcat: [
      panel('value', 'loss', [0, 3]),
      panel('slope', 'gradient by the logit', label === 1 ? [-1.3, 0] : [0, 1.3]),
    ],
  });
}

/** An axis of numbers, over exactly this range. */
const axis = (field: string, title: string, domain: [number, number]) => ({
  ...{ field, title, type: 'quantitative' as const },
  scale: { domain, nice: false },
});

/** Loss and gradient of one label at evenly spaced probabilities. */
function curve(loss: string, options: AsymmetricLossOptions, label: 0 | 1) {
  const probabilities = Array.from({ length: 199 }, (_, i) => (i + 1) / 200);
  const { values, slopes } = tf.tidy(() => {
    const logits = tf.tensor2d(probabilities.map((p) => [Math.log(p / (1 - p))]));
    const yTrue = tf.fill(logits.shape, label);
    const each = asymmetricLoss({ ...options, reduction: 'none' });
    const { value, grad } = tf.valueAndGrad((x) => each(yTrue, x))(logits, tf.onesLike(logits));
    return { values: value.dataSync(), slopes: grad.dataSync() };
  });
  return probabilities.map((probability, i) => ({
    loss,
    probability,
    value: rounded(values[i]!),
    slope: rounded(slopes[i]!),
  }));
}

/** Rounds, since the last bits differ between engines. */
const rounded = (value: number) => Math.round(value * 1e4) / 1e4 + 0;

async function svg(spec: TopLevelSpec): Promise<string> {
  const config = { aria: false, font: 'system-ui, "DejaVu Sans", sans-serif' };
  const { spec: compiled } = compile({ ...spec, background: 'white', padding: 10, config });
  return `${await new View(parse(compiled), { renderer: 'none' }).toSVG()}\n`;
}
