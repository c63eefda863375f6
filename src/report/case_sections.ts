/** Sections on single slices and patients. */
import type { Labels } from '../base/types';
import type { LabelRuns } from '../data/checks/label_runs';
import { heatScale } from './heat_scale';
import { Html, html, score, table, type Part } from './html';
import { LEVEL_NAMES } from './label_sections';
import type { Measured } from './measures';
import type { WorstCase } from './worst_cases';

/** Most rows of a list that are shown; the others are counted. */
const MOST_ROWS = 20;

const nothing = (text: string) => html`<p class="note">${text}</p>`;

/** The largest losses, with pictures, patient by patient. */
export function worst(cases: readonly WorstCase[], labels: Labels, level: Measured['level']): Html {
  const title = html`<h2>Most wrong: ${level}</h2>`;
  if (cases.length === 0) return html`${title}${nothing('None requested.')}`;
  const ofPatient = new Map<string, WorstCase[]>();
  for (const one of cases) ofPatient.set(one.patient, [...(ofPatient.get(one.patient) ?? []), one]);
  const groups = [...ofPatient].map(([patient, own]) => {
    const count = level === 'slices' && own.length > 1 ? html`<small>${own.length} slices</small>` : '';
    const heading = html`<h3>${patient} ${count}</h3>`;
    const figures = own.map((one) => figure(one, labels));
    // beside a single figure there is room for the next patient
    if (own.length === 1) return html`<section>${heading}${figures}</section> `;
    return html`<section class="whole">${heading}<div class="cases">${figures}</div></section> `;
  });
  const shown =
    level === 'patients' ? ' For each patient, the slice with the hottest point is shown (without maps, the middle slice).' : ''; // prettier-ignore
  const mapped = cases.some(({ overlaid }) => overlaid !== undefined);
  return html`${title}
    <p class="note">
      The ${cases.length} ${LEVEL_NAMES[level]} with the largest log loss (mean over the labels): difficult or
      mislabelled. The patient with the largest loss comes first. Left: the first channel of the model's
      input.${mapped ? ' Right: the same with the Grad-CAM map of the label that is most wrong, scaled so that 1 is the hottest point of all slices of the patient; maps of different patients or labels cannot be compared. A slice without colour shows no evidence for the label, or far less than another slice.' : ''}${shown}
    </p>
    ${mapped ? heatScale("share of the stack's hottest point") : ''}
    <div class="cases">${groups}</div>`;
} // prettier-ignore

function figure(one: WorstCase, labels: Labels): Html {
  const { slice, loss, label, yTrue, probabilities, plain, overlaid, withoutMap } = one;
  const found = (values: readonly number[], is: (value: number) => boolean) =>
    labels.filter((_, l) => is(values[l]!)).join(', ') || 'none';
  const unlabelled = found(yTrue, (y) => y < 0);
  const image = (png: Uint8Array, alt: Part) =>
    html`<img src="${new Html(`data:image/png;base64,${base64(png)}`)}" alt="${alt}" />`;
  return html`<figure>
    ${image(plain, slice)}${overlaid ? image(overlaid, [slice, ', under its heat map']) : ''}
    <figcaption>
      <b>${slice}</b><br />
      present: ${found(yTrue, (y) => y === 1)}${unlabelled === 'none' ? '' : html`; not labelled: ${unlabelled}`}<br />
      most wrong: ${labels[label]!}, ${yTrue[label] === 1 ? 'present' : 'absent'}, probability
      ${score(probabilities[label])}<br />
      log loss ${score(loss)}${withoutMap === undefined ? '' : html`<br />no map: ${withoutMap}`}
    </figcaption>
  </figure>`;
} // prettier-ignore

/** Labels that stop and start again along a patient's slices. */
export function interruptions(runs: { truth: LabelRuns; predicted: LabelRuns } | undefined): Html {
  const title = html`<h2>Labels that stop and start again</h2>`;
  if (!runs) return html`${title}${nothing('Unknown: there are no labels and decisions per slice.')}`;
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
    <p class="note">Either two separate hemorrhages, or a slice with a wrong label (or decision).</p>
    ${list('In the truth', truth)}${list('In the decisions', predicted)}`;
}

const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
