/** The model card: the model, the data it was evaluated on, and its limits. */
import type { CheckpointManifest } from '../saving/checkpoint_format';
import type { EpochLog } from '../training/stages/stage_log';
import { definitions, html, table, type Html } from './html';
import { trainingRows, values } from './training_record';

/** The study that the model was evaluated on. */
export interface EvaluatedStudy {
  /** Folder, as given on the command line. */
  folder: string;
  /** Layout and file contents. */
  kind: string;
  /** Which patients were selected. */
  chosen: string;
  patients: number;
  people: number;
  slices: number;
}

export interface ModelCard {
  /** Folder, as given on the command line. */
  checkpoint: string;
  manifest: CheckpointManifest;
  /** Configuration of the training run, if known. */
  config?: Readonly<Record<string, unknown>>;
  /** Epochs of the training, if known. */
  epochs?: readonly EpochLog[];
  /** Whether the model's outputs are per slice or per patient. */
  level: 'slices' | 'patients';
  study: EvaluatedStudy;
  /** Seed of the bootstrap. */
  seed: number;
  date?: string;
}

/** For checkpoints of earlier versions, which do not record them. */
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
          <li>The figures apply to this study only: other scanners, protocols, hospitals and prevalences give different ones.</li>
          <li>Findings other than the labels are not detected, and a label gives neither the location nor the size of a finding.</li>
          <li>The study's labels are taken as the truth, although they contain errors.</li>
          <li>The intervals do not include the variation between trainings, and mean little for labels with few patients.</li>
          <li>Heat maps show evidence for a label; they do not outline a finding, or prove that the model used it.</li>
        </ul>`,
      ],
    ])}`;
} // prettier-ignore
