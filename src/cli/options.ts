/** Options that several commands have. */
import { CT_WINDOWS, RSNA_LABELS } from '../index';
import type { DicomProblemKind } from '../node';
import { options } from './command_line';

/** Names of windows of HU. */
export const WINDOWS = Object.keys(CT_WINDOWS) as (keyof typeof CT_WINDOWS)[];

/** Of what computes. */
export const BACKEND = options({
  backend: {
    value: 'NAME',
    choices: ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'],
    default: 'auto',
    help: 'what computes',
  },
});

/** Of opening a study for a model that is there already. */
export const STUDY = options({
  'image-window': {
    value: 'NAME',
    choices: WINDOWS,
    help: 'the window that JPEG or PNG images show: of the study, for a model of HU; of the training, for DICOM and a model of images',
  },
  workers: { value: 'N', default: 1, help: 'threads that read and prepare slices' },
  'cache-dir': {
    value: 'DIR',
    help: 'folder, outside of the study, where headers of DICOM and prepared slices are kept for the next time',
  },
  'follow-links': { help: 'read links that lead out of the folder, as those of DVC and DataLad' },
  'skip-bad': { help: 'leave out what cannot be read or has an error' },
  allow: {
    value: 'KINDS',
    help: 'kinds of DICOM error that do not stop, as messages name them, separated by commas',
  },
});

/** The labels of a study. */
export const TABLE = options({
  table: {
    value: 'NAME',
    help: "the table of labels in the study's folder (default: the first of the known names)",
  },
});

/** A checkpoint that is there already. */
export const CHECKPOINT = options({
  checkpoint: { value: 'DIR', help: "a training's --out, or one checkpoint in it", required: true },
});

/** What {@link STUDY} says, for `openStudy`. */
export const studyOptions = (args: {
  imageWindow: keyof typeof CT_WINDOWS | undefined;
  workers: number;
  cacheDir: string | undefined;
  skipBad: boolean;
  followLinks: boolean;
  allow: string | undefined;
}) => ({
  imageWindow: args.imageWindow,
  workers: args.workers,
  cacheFolder: args.cacheDir,
  followLinks: args.followLinks,
  onBadFile: args.skipBad ? ('skip' as const) : ('throw' as const),
  allow: problemKinds(args.allow),
});

/** What `--allow` names. */
export const problemKinds = (text: string | undefined): DicomProblemKind[] | undefined =>
  text?.split(',') as DicomProblemKind[] | undefined;

/** Names of labels, as typed. */
export const labelNames = (text: string): readonly string[] =>
  text === 'rsna' ? RSNA_LABELS : text.split(',');

/** What happens to a slice before a model that is to be trained sees it. */
export const PREPROCESSING = options({
  'image-size': { value: 'N', default: 224, help: 'height and width the slices are resized to' },
  windows: {
    value: 'NAMES',
    help: 'windows of HU as channels, e.g. brain,subdural,bone (default brainWide for DICOM, none for images)',
  },
  neighbors: { value: 'N', default: 0, help: 'slices on each side as further channels' },
  clahe: { default: true, help: 'equalise contrast (clip limit 2, grid 8x8)' },
});

/** How patients are divided. */
export const SPLIT = options({
  'validation-fraction': {
    value: 'X',
    default: 0.2,
    help: 'share of patients held out to choose epochs and thresholds by',
  },
  'test-fraction': { value: 'X', default: 0, help: 'share of patients kept aside for a report at the end' },
  'test-fold': {
    value: 'K/N',
    help: 'keep the K-th of N folds aside instead; runs of one seed with each of them test every patient once',
  },
  stratify: { default: true, help: 'divide the patients of each label in that proportion too' },
});
