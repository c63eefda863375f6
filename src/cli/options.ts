/** Options that several commands have. */
import { CT_WINDOWS, RSNA_LABELS } from '../index';
import type { DicomProblemKind } from '../node';
import { options } from './command_line';

/** Names of HU windows. */
export const WINDOWS = Object.keys(CT_WINDOWS) as (keyof typeof CT_WINDOWS)[];

/** The backend. */
export const BACKEND = options({
  backend: {
    value: 'NAME',
    choices: ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'],
    default: 'auto',
    help: 'backend that runs the model',
  },
});

/** For opening a study for an existing model. */
export const STUDY = options({
  'image-window': {
    value: 'NAME',
    choices: WINDOWS,
    help: 'window that JPEG or PNG images show: those of the study for a model trained on HU, those of the training data for DICOM and a model trained on images',
  },
  workers: { value: 'N', default: 1, help: 'threads that read and prepare slices' },
  'cache-dir': {
    value: 'DIR',
    help: 'folder, outside the study, in which DICOM headers and prepared slices are cached',
  },
  'follow-links': { help: 'follow links that lead out of the folder, such as those of DVC and DataLad' },
  'skip-bad': { help: 'leave out files that cannot be read or have an error' },
  allow: {
    value: 'KINDS',
    help: 'kinds of DICOM error to accept, as named in messages, separated by commas',
  },
});

/** The labels of a study. */
export const TABLE = options({
  table: {
    value: 'NAME',
    help: "the label table in the study's folder (default: the first of the known names)",
  },
});

/** An existing checkpoint. */
export const CHECKPOINT = options({
  checkpoint: {
    value: 'DIR',
    help: 'the --out folder of a training run, or one checkpoint in it',
    required: true,
  },
});

/** The values of {@link STUDY}, for `openStudy`. */
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

/** The kinds named by `--allow`. */
export const problemKinds = (text: string | undefined): DicomProblemKind[] | undefined =>
  text?.split(',') as DicomProblemKind[] | undefined;

/** Label names from the command line. */
export const labelNames = (text: string): readonly string[] =>
  text === 'rsna' ? RSNA_LABELS : text.split(',');

/** Preprocessing for a model to be trained. */
export const PREPROCESSING = options({
  'image-size': { value: 'N', default: 224, help: 'height and width the slices are resized to' },
  windows: {
    value: 'NAMES',
    help: 'windows of HU as channels, e.g. brain,subdural,bone (default brainWide for DICOM, none for images)',
  },
  neighbors: { value: 'N', default: 0, help: 'slices on each side used as additional channels' },
  clahe: { default: true, help: 'equalise contrast (clip limit 2, grid 8x8)' },
});

/** How patients are split. */
export const SPLIT = options({
  'validation-fraction': {
    value: 'X',
    default: 0.2,
    help: 'share of patients held out to choose epochs and thresholds by',
  },
  'test-fraction': { value: 'X', default: 0, help: 'share of patients held out for testing at the end' },
  'test-fold': {
    value: 'K/N',
    help: 'hold out the K-th of N folds instead; one run per fold with the same seed tests every patient once',
  },
  stratify: { default: true, help: 'keep these shares for the patients of each label too' },
});
