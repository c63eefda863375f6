import { barText, figure, ratioText, type Report, type Row } from '../compare';
import type { Results } from './tables';

/** Text of a figure. */
type Figure = (results: Results) => string;

const CONVOLUTIONS = 'Convolutions, two threads';
const step = (backbone: string, slices = 4) =>
  `${backbone} training step of ${slices} slices, 2 threads, per slice`;
const GRU_STEP = 'GRU over 32 slices, 512 features, 2 x 256 units: training step';
const DECODER = 'Label decoder over 32 slices, 5 labels, 128 units';
const LOSS = 'asymmetric loss [32, 5] forward and backward, wasm';
const TRANSFORMS = 'CLAHE and augmentation';
const AUGMENTATION = 'augmentation, 32 slices 224 x 224 to 224 x 224';
const STEP_MEMORY = 'memory of a VGG16 training step';
const LAUNCHES = 'Launches of a training step of 32 slices with';
const TORCH = 'Training in PyTorch, processes';

/** Figures quoted in pages, by the name in their marks: `<!-- bench: VGG16 step -->443 ms<!-- /bench -->`. */
export const FIGURES: Readonly<Record<string, Figure>> = {
  'bars not met': barsNotMet,
  'VGG16 step': ours(CONVOLUTIONS, step('vgg16')),
  'VGG16 step of PyTorch': peer(CONVOLUTIONS, step('vgg16'), 'PyTorch'),
  'VGG16 step beside PyTorch': beside(CONVOLUTIONS, step('vgg16'), 'PyTorch'),
  'VGG16 forward beside tfjs': beside(
    CONVOLUTIONS,
    'VGG16 forward, 2 threads, per slice',
    'tfjs wasm, which has 1 thread',
  ),
  'ResNet18 step beside PyTorch': beside(CONVOLUTIONS, step('resnet18', 32), 'PyTorch'),
  'ResNet18 step beside tfjs': beside(CONVOLUTIONS, step('resnet18'), 'composed tfjs ops'),
  'SqueezeNet step': ours(CONVOLUTIONS, step('squeezenet1_1', 32)),
  'SqueezeNet step of PyTorch': peer(CONVOLUTIONS, step('squeezenet1_1', 32), 'PyTorch'),
  'VGG16 slices per second': perSecond(CONVOLUTIONS, step('vgg16')),
  'SqueezeNet slices per second': perSecond(CONVOLUTIONS, step('squeezenet1_1', 32)),
  'prepared slices per second': perSecond('Slices from files', 'augmentation, 1 worker, per slice'),
  'CLAHE with one worker beside sharp and OpenCV': (results) =>
    peerOf(
      results,
      'Slices from files',
      'CLAHE and resize, 1 worker, per slice',
      'sharp and opencv-js',
    ).ratio.toFixed(2),
  'VGG16 epoch': minutes('An epoch of VGG16', 'an epoch of vgg16'),
  'SqueezeNet epoch': minutes('An epoch of SqueezeNet', 'an epoch of squeezenet1_1'),
  'memory of 20 slices': said('Memory', `${STEP_MEMORY}, 20 slices`, /^\d+ MiB/),
  'memory of 200 slices': said('Memory', `${STEP_MEMORY}, 200 slices`, /^\d+ MiB/),
  'GRU step': ours('Recurrent layers', GRU_STEP),
  'GRU step of tfjs': peer('Recurrent layers', GRU_STEP, 'tf.layers.gru'),
  'decoder forward beside tfjs': beside('Recurrent layers', `${DECODER}: forward`, 'tf.layers.lstm'),
  'decoder step beside tfjs': beside('Recurrent layers', `${DECODER}: training step`, 'tf.layers.lstm'),
  loss: ours('Loss', LOSS),
  'loss composed': peer('Loss', LOSS, 'composed graph'),
  'augmentation beside tfjs': beside(TRANSFORMS, AUGMENTATION, "tf's flip, rotation, scale, jitter apart"),
  'augmentation beside steps': beside(TRANSFORMS, AUGMENTATION, 'our flip, rotation, scale, jitter apart'),
  'launches, ResNet18': said('WebGPU', `${LAUNCHES} ResNet18`, /^\d+/),
  'launches of tfjs, ResNet18': said('WebGPU', `${LAUNCHES} ResNet18`, /\d+(?= by)/),
  'launches, one convolution': said('WebGPU', `${LAUNCHES} a backbone`, /^\d+/),
  'launches of tfjs, one convolution': said('WebGPU', `${LAUNCHES} a backbone`, /\d+(?= by)/),
  'PyTorch epoch, one process': said(TORCH, 'an epoch in PyTorch, one process', /^[\d.]+ s/),
  'PyTorch epoch, two processes': said(TORCH, 'the same, two processes', /^[\d.]+ s/),
  ...largeStudies(),
};

function ours(title: string, what: string): Figure {
  return (results) => `${figure(times(results, title, what).ours.ms)} ms`;
}

function peer(title: string, what: string, name: string): Figure {
  return (results) => `${figure(peerOf(results, title, what, name).ms)} ms`;
}

/** With a verb, since the order may change between runs: `is 1.6 times as fast as`, or `takes 1.2 times the time of`. */
function beside(title: string, what: string, name: string): Figure {
  return (results) => {
    const { ratio } = peerOf(results, title, what, name);
    return ratio >= 1 ? `is ${short(ratio)} times as fast as` : `takes ${short(1 / ratio)} times the time of`;
  };
}

function perSecond(title: string, what: string): Figure {
  return (results) => short(1000 / times(results, title, what).ours.ms);
}

function minutes(title: string, what: string): Figure {
  return (results) => `${short(Number(find(results, title, what, /^[\d.]+(?= s)/)) / 60)} minutes`;
}

/** A part of a report's text. */
function said(title: string, what: string, part: RegExp): Figure {
  return (results) => find(results, title, what, part);
}

/** What a study of RSNA's size costs, and how the cost grows from the smaller one that was measured. */
function largeStudies(): Record<string, Figure> {
  const [title, few, all] = ['Large studies', 150_000, 750_000];
  const cost = (what: string, part: RegExp) => {
    const at = (slices: number) => (results: Results) =>
      Number(find(results, title, `${what}, ${slices.toLocaleString('en')} slices`, part));
    const perSlice = (results: Results) => (at(all)(results) - at(few)(results)) / (all - few);
    return { perSlice, total: at(all) };
  };
  const [core, mib] = [/^[\d.]+(?= s of a core)/, /\d+(?= MiB)/];
  const [read, kept] = [cost('inspect', core), cost('inspect --cache-dir, later', core)];
  const memory = cost('inspect --cache-dir, later', mib);
  return {
    'inspect, per slice': (results) => `${short(1000 * read.perSlice(results))} ms`,
    'inspect, per slice, headers kept': (results) => `${short(1000 * kept.perSlice(results))} ms`,
    'inspect, memory per slice': (results) => `${short(2 ** 10 * memory.perSlice(results))} KiB`,
    'inspect, all of RSNA': (results) => `${short(read.total(results) / 60)} minutes`,
    'inspect, all of RSNA, headers kept': (results) => `${short(kept.total(results) / 60)} minutes`,
    'inspect, memory of all of RSNA': (results) => `${short(memory.total(results) / 2 ** 10)} GiB`,
  };
}

/** One line each. */
function barsNotMet(results: Results): string {
  const lines = Object.values(results).flatMap(({ rows }) =>
    rows.flatMap((row) => {
      if (!('peers' in row))
        return row.met === false ? [`${row.what}: ${row.value} (target: ${row.wanted})`] : [];
      return row.peers
        .filter(({ ratio, bar }) => ratio !== null && bar !== null && ratio < bar)
        .map(({ name, ratio, bar }) => `${row.what}: ${ratioText(ratio!, name)} (target: ${barText(bar!)})`);
    }),
  );
  return lines.length === 0 ? 'Every target is met.' : lines.map((line) => `- ${line}`).join('\n');
}

function rowOf(results: Results, title: string, what: string): Row | Report {
  const rows = results[title]?.rows ?? [];
  const found = rows.find((row) => row.what === what) ?? rows.find((row) => row.what.startsWith(what));
  if (found === undefined) {
    throw new Error(
      `"${title}" has no row "${what}": ${rows.map((row) => row.what).join('; ') || 'no rows'}`,
    );
  }
  return found;
}

function times(results: Results, title: string, what: string): Row {
  const row = rowOf(results, title, what);
  if (!('peers' in row)) throw new Error(`"${title}", "${what}": expected times, got "${row.value}"`);
  return row;
}

function peerOf(results: Results, title: string, what: string, name: string): { ms: number; ratio: number } {
  const { ms, ratio } = times(results, title, what).peers.find((one) => one.name === name) ?? {};
  if (ms == null || ratio == null) {
    throw new Error(`"${title}", "${what}": no time of ${name}; run it where that is`);
  }
  return { ms, ratio };
}

function find(results: Results, title: string, what: string, part: RegExp): string {
  const row = rowOf(results, title, what);
  const [text] = ('value' in row ? part.exec(row.value) : null) ?? [];
  if (text === undefined)
    throw new Error(`"${title}", "${what}": expected ${part}, got ${JSON.stringify(row)}`);
  return text;
}

/** Two digits, for use in a sentence. */
const short = (value: number) => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
