import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  CT_LABEL_NAMES,
  CT_LABELS,
  CT_WINDOWS,
  disposeStack,
  huWindow,
  integratedGradients,
  predictPatients,
  resize,
  subset,
  type CtLabel,
} from 'ct-multilabel';
import {
  heatMapPng,
  loadCheckpoint,
  openKaggleFolder,
  readPhantomStudy,
  useBackend,
} from 'ct-multilabel/node';
import sharp, { type OverlayOptions } from 'sharp';
import { LINE, MARGIN } from '../src/node/pictures/picture';
import { escapeXml } from './svg';

/** Labels for each of which one finding is shown. */
const SHOWN: readonly CtLabel[] = ['sdh', 'edh', 'ich'];

/** Slices with more labels are not shown, since a map of one of them says little there. */
const MOST_LABELS = 2;

/** Share of a slice cropped on each side, since the head is in the middle. */
const CUT = 0.1;
/** Side of a slice when its outline is drawn, and in the picture. */
const DRAWN = 160;
const TILE = 256;
const GAP = 28;
const BAR_LINE = 34;
const TEXT = 23;
const HEAD = 88;
const WIDTH = SHOWN.length * (2 * TILE + GAP) - GAP;

/** A slice with its labels and predictions. */
interface Finding {
  patient: string;
  /** Index among the patient's slices. */
  slice: number;
  label: CtLabel;
  yTrue: readonly number[];
  probabilities: readonly number[];
}

/**
 * Draws predictions of a trained demo for three slices of patients it was not trained on: the slice with its lesion outlined, the
 * same with the model's heat map, and the five probabilities with their thresholds.
 *
 * For each of three labels, the slice on which the model is most certain of it, among those with this label and at most one other,
 * and with five correct decisions; each of another patient.
 *
 * @param folder - Output of `npm run train:demo`, with `study/` and `run/`.
 * @returns A PNG file.
 */
export async function drawDemo(folder: string): Promise<Uint8Array> {
  await useBackend('wasm');
  const { model, manifest } = await loadCheckpoint(path.join(folder, 'run'));
  const data = path.join(folder, 'study');
  const study = await openKaggleFolder(data, { preprocessing: manifest.preprocessing });
  const config = await readFile(path.join(folder, 'run/config.json'), 'utf8');
  const { split } = JSON.parse(config) as { split: { train: string[]; validation: string[] } };
  const seen = new Set([...split.train, ...split.validation]);
  const unseen = subset(study, study.patients.filter((patient) => !seen.has(patient))); // prettier-ignore

  const { thresholds, calibration } = manifest;
  const right: Omit<Finding, 'label'>[] = [];
  const options = { threshold: thresholds, ...(calibration && { calibration }) };
  for await (const slices of predictPatients(model, unseen, options)) {
    slices.forEach(({ patient, probabilities, decisions }, slice) => {
      const yTrue = study.sliceLabels(patient)![slice]!;
      const few = yTrue.filter((y) => y === 1).length <= MOST_LABELS;
      if (few && decisions.join() === yTrue.join()) right.push({ patient, slice, yTrue, probabilities });
    });
  }
  const findings: Finding[] = [];
  for (const label of SHOWN) {
    const k = CT_LABELS.indexOf(label);
    const shown = findings.map(({ patient }) => patient);
    const [best] = right
      .filter(({ yTrue, patient }) => yTrue[k] === 1 && !shown.includes(patient))
      .sort((a, b) => b.probabilities[k]! - a.probabilities[k]!);
    if (best === undefined) throw new Error(`no slice with ${label} to show`);
    findings.push({ ...best, label });
  }

  const phantoms = await readPhantomStudy(data);
  const parts: OverlayOptions[] = [];
  for (const [column, finding] of findings.entries()) {
    const left = column * (2 * TILE + GAP);
    const stack = await study.load(finding.patient);
    const [plain, heat] = await tilesOf(model, stack.images, finding, phantoms);
    disposeStack(stack);
    parts.push({ input: plain, left, top: HEAD }, { input: heat, left: left + TILE, top: HEAD });
    console.log(`${finding.label}: slice ${finding.slice + 1} of ${finding.patient}`);
  }
  const height = HEAD + TILE + 16 + CT_LABELS.length * BAR_LINE + 10;
  parts.push({ input: Buffer.from(captions(findings, thresholds, height)), left: 0, top: 0 });
  return sharp({ create: { width: WIDTH, height, channels: 3, background: 'white' } })
    .composite(parts)
    .png({ palette: true, colours: 200, compressionLevel: 9 })
    .toBuffer();
}

/** The slice with its lesion outlined, and the same with the heat map of the label. */
async function tilesOf(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  { patient, slice, label }: Finding,
  phantoms: Awaited<ReturnType<typeof readPhantomStudy>>,
): Promise<[Buffer, Buffer]> {
  const k = CT_LABELS.indexOf(label);
  const phantom = phantoms.patient(Number(patient.replace('ID_', '')) - 1);
  const { size } = phantom;
  const area = size * size;
  const own = <T extends Float32Array | Uint8Array>(values: T) => values.subarray(slice * area, (slice + 1) * area) as T; // prettier-ignore
  const middle = (image: tf.Tensor4D, method: 'bilinear' | 'nearest' = 'bilinear') => {
    const [begin, kept] = [Math.round(CUT * size), Math.round((1 - 2 * CUT) * size)];
    return resize(tf.slice(image, [0, begin, begin, 0], [1, kept, kept, 1]), [DRAWN, DRAWN], { method });
  };
  const maps = await integratedGradients(model, images, { label: k, slice });
  const { drawn, map, lesion } = tf.tidy(() => {
    const of = (values: Float32Array) => tf.tensor4d(values, [1, size, size, 1]);
    const ofSlice = tf.expandDims(tf.slice(maps, [slice, 0, 0], [1, -1, -1]), 3) as tf.Tensor4D;
    const heat = resize(tf.divNoNan(ofSlice, tf.max(ofSlice)) as tf.Tensor4D, [size, size]);
    const mask = Float32Array.from(own(phantom.masks), (bits) => (bits >> k) & 1);
    return {
      drawn: middle(huWindow(of(own(phantom.hu)), CT_WINDOWS.brainWide)),
      map: tf.squeeze<tf.Tensor3D>(middle(heat), [3]),
      lesion: middle(of(mask), 'nearest'),
    };
  });
  const stack = { title: '', images: drawn, maps: map, masks: await lesion.data() };
  const png = await heatMapPng([stack]);
  tf.dispose([maps, drawn, map, lesion]);
  const tile = (place: number) =>
    sharp(png)
      .extract({ left: 0, top: LINE + MARGIN + place * DRAWN, width: DRAWN, height: DRAWN })
      .resize(TILE, TILE)
      .png()
      .toBuffer();
  return [await tile(0), await tile(1)];
}

/** Texts and bars as a transparent picture. */
function captions(findings: readonly Finding[], thresholds: readonly number[], height: number): string {
  const columns = findings.map((finding, i) => column(finding, thresholds, i * (2 * TILE + GAP)));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}">
    <style>text { font-family: "DejaVu Sans", sans-serif; font-size: ${TEXT}px; fill: #1a1a1a } .faint { fill: #555; font-size: 20px } .true { font-weight: bold }</style>
    ${columns.join('\n')}</svg>`;
}

function column(
  { label, yTrue, probabilities }: Finding,
  thresholds: readonly number[],
  left: number,
): string {
  const name = CT_LABEL_NAMES[label].replace(/ \(.*\)/, '');
  const top = HEAD + TILE + 16;
  const [bar, room] = [left + 74, 2 * TILE - 74 - 80];
  const bars = CT_LABELS.map((other, k) => {
    const [y, p] = [top + k * BAR_LINE, probabilities[k]!];
    const isTrue = yTrue[k] === 1;
    const color = isTrue ? '#0072b2' : '#aaaaaa';
    return `<text class="${isTrue ? 'true' : ''}" x="${left}" y="${y + 24}">${other}</text>
      <rect x="${bar}" y="${y + 6}" width="${room}" height="22" fill="#eeeeee"/>
      <rect x="${bar}" y="${y + 6}" width="${Math.max(1, room * p)}" height="22" fill="${color}"/>
      <rect x="${bar + room * thresholds[k]! - 1.5}" y="${y + 2}" width="3" height="30" fill="#1a1a1a"/>
      <text class="${isTrue ? 'true' : ''}" x="${left + 2 * TILE}" y="${y + 24}" text-anchor="end">${p.toFixed(2)}</text>`;
  });
  return `<text class="true" x="${left}" y="30">${escapeXml(name)}</text>
    <text class="faint" x="${left}" y="66">lesion outlined</text>
    <text class="faint" x="${left + TILE}" y="66">where the model looked</text>
    ${bars.join('\n')}`;
}
