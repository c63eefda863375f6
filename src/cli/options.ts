/** Options that several commands have. */
import { CT_LABELS, CT_WINDOWS, RSNA_LABELS, type Labels } from '../index';
import type { DicomProblemKind } from '../node';
import { checkOneOf } from '../base/checks';
import { positiveInteger } from '../base/options';
import { checkLabelNames } from '../data/tables/label_columns';
import { PROBLEM_KINDS } from '../dicom/problems';
import { options } from './command_line';

/** Reads names separated by commas. */
const namesOf =
  <Name extends string>(known: readonly Name[]) =>
  (text: string, what: string): Name[] =>
    text.split(',').map((name) => {
      checkOneOf(name, known, what);
      return name;
    });

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
  workers: { value: 'N', default: 1, help: 'threads that read and prepare slices; 0: the main thread does' },
  'cache-dir': {
    value: 'DIR',
    help: 'folder, outside the study, in which DICOM headers and prepared slices are cached',
  },
  'follow-links': { help: 'follow links that lead out of the folder, such as those of DVC and DataLad' },
  'skip-bad': { help: 'leave out files that cannot be read or have an error' },
  allow: {
    value: 'KINDS',
    parse: namesOf<DicomProblemKind>(PROBLEM_KINDS),
    help: 'kinds of DICOM error to accept, as named in messages, separated by commas',
  },
});

/** The label table of a study. */
export const TABLE = options({
  table: {
    value: 'NAME',
    help: "the label table in the study's folder (default: the first of the known names)",
  },
});

/** The labels to read. */
export const LABELS = options({
  labels: {
    value: 'NAMES',
    parse: (text: string, what: string): Labels => {
      const names = text === 'rsna' ? RSNA_LABELS : text.split(',');
      checkLabelNames(what, names);
      return names;
    },
    default: CT_LABELS.join(),
    help: "labels, separated by commas; 'rsna' for RSNA's six",
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
  allow: DicomProblemKind[] | undefined;
}) => ({
  imageWindow: args.imageWindow,
  workers: args.workers,
  cacheFolder: args.cacheDir,
  followLinks: args.followLinks,
  onBadFile: args.skipBad ? ('skip' as const) : ('throw' as const),
  allow: args.allow,
});

/** Preprocessing for a model to be trained. */
export const PREPROCESSING = options({
  'image-size': {
    value: 'N',
    rule: positiveInteger,
    default: 224,
    help: 'height and width the slices are resized to',
  },
  windows: {
    value: 'NAMES',
    parse: namesOf(WINDOWS),
    help: 'windows of HU as channels, e.g. brain,subdural,bone (default brainWide for DICOM, none for images)',
  },
  neighbors: { value: 'N', default: 0, help: 'slices on each side used as additional channels' },
  clahe: { default: true, help: 'equalise contrast (clip limit 2, grid 8x8)' },
});
