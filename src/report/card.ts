/** The model card: what the model is, what it was evaluated on, and what it is not for. */
import type { CheckpointManifest } from '../saving/checkpoint_format';
import { definitions, html, table, type Html, type Part } from './html';

/** What was evaluated on. */
export interface EvaluatedStudy {
  /** Folder, as it was typed. */
  folder: string;
  /** How it is laid out, and what its files hold. */
  kind: string;
  /** Which of its patients. */
  chosen: string;
  patients: number;
  people: number;
  slices: number;
}

export interface ModelCard {
  /** Folder, as it was typed. */
  checkpoint: string;
  manifest: CheckpointManifest;
  /** What the model's outputs are of. */
  level: 'slices' | 'patients';
  study: EvaluatedStudy;
  /** Seed of the bootstrap. */
  seed: number;
  date?: string;
}

export function modelCard({ checkpoint, manifest, level, study, seed, date }: ModelCard): Html {
  const { model, preprocessing, training, labels, thresholds, calibration, versions } = manifest;
  const record = (values: object): Part => {
    const entries = Object.entries(values);
    if (entries.length === 0) return 'not recorded';
    return entries.map(([name, value]) => html`${name}: ${JSON.stringify(value) ?? 'none'}<br />\n`);
  };
  const { patients, people, slices } = study;
  const persons = people === patients ? '' : ` of ${people} people`;
  const decided = labels.map((label, l) => [
    label,
    thresholds[l]!.toPrecision(6),
    ...(calibration ? [calibration.scale[l]!.toPrecision(4), calibration.offset[l]!.toPrecision(4)] : []),
  ]);
  return html`<h2>Model card</h2>
    ${definitions([
      ['Use', 'Research use only. Not a medical device: not for diagnosis, and not for decisions on patients.'],
      ['Checkpoint', checkpoint],
      ['Built from', record(model)],
      ['Output', level === 'slices' ? 'one probability a slice and label' : 'one probability a patient and label'],
      ['Labels', labels.join(', ')],
      ['Preprocessing', record(preprocessing)],
      [
        'Training',
        training
          ? html`stage ${training.stage}, epoch ${training.epoch}, validation F2 ${training.validationF2.toFixed(3)}`
          : 'not recorded',
      ],
      ['Calibration', calibration ? `${calibration.method}, fitted` : 'none: probabilities are as the model gives them'],
      ['Decisions', table(['label', 'threshold', ...(calibration ? ['scale', 'offset'] : [])], decided)],
      ['Versions', record(versions)],
      ['Evaluated on', html`${study.folder}: ${study.kind}; ${study.chosen}: ${patients} ${persons ? 'scans' : 'patients'}${persons}, ${slices} slices`],
      ['Bootstrap seed', seed],
      ...(date === undefined ? [] : ([['Date', date]] as const)),
      [
        'Limits',
        html`<ul>
          <li>Figures are of this study alone: other scanners, protocols, hospitals and shares of patients give others.</li>
          <li>What is not among the labels is not looked for, and a label says neither where nor how large a finding is.</li>
          <li>The truth is what the study's labels say; they have errors of their own.</li>
          <li>Intervals leave out how the model would vary with another training. Of labels with few patients they mean little.</li>
          <li>Heat maps show what speaks for a label; they do not outline a finding, and do not prove that it was looked at.</li>
        </ul>`,
      ],
    ])}`;
} // prettier-ignore
