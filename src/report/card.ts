/** The model card: what the model is, what it was evaluated on, and what it is not for. */
import type { CheckpointManifest } from '../saving/checkpoint_format';
import type { EpochLog } from '../training/stages/stage_log';
import { definitions, html, table, type Html } from './html';
import { trainingRows, values } from './training_record';

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
  /** The configuration of the run that it comes from, if that is known. */
  config?: Readonly<Record<string, unknown>>;
  /** Epochs of the training, if they are known. */
  epochs?: readonly EpochLog[];
  /** What the model's outputs are of. */
  level: 'slices' | 'patients';
  study: EvaluatedStudy;
  /** Seed of the bootstrap. */
  seed: number;
  date?: string;
}

/** Of checkpoints of earlier versions, which did not say. */
const NO_VERSIONS = { node: 'not recorded', backend: 'not recorded' };

export function modelCard(card: ModelCard): Html {
  const { checkpoint, manifest, config, epochs, level, study, seed, date } = card;
  const { model, preprocessing, training, labels, thresholds, calibration, versions, checksums } = manifest;
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
      ['Checkpoint', html`${checkpoint}; CRC-32 of its weights ${checksums?.weights ?? 'not recorded'}`],
      ['Built from', values(model)],
      ['Output', level === 'slices' ? 'one probability per slice and label' : 'one probability per patient and label'],
      ['Labels', labels.join(', ')],
      ['Preprocessing', values(preprocessing)],
      [
        'Kept epoch',
        training
          ? html`stage ${training.stage}, epoch ${training.epoch}, validation F2 ${training.validationF2.toFixed(3)}`
          : 'not recorded',
      ],
      ...trainingRows(config, epochs),
      ['Calibration', calibration ? `${calibration.method}, fitted` : 'none: probabilities are as the model gives them'],
      ['Decisions', table(['label', 'threshold', ...(calibration ? ['scale', 'offset'] : [])], decided)],
      ['Versions', values({ ...NO_VERSIONS, ...versions })],
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
