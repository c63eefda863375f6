// What page and worker say to each other. The worker does all that takes time; the page shows.

/** A file, and its path below what was dropped or picked. */
export interface NamedFile {
  path: string;
  file: File;
}

/** A problem, as the page shows it. */
export interface Problem {
  severity: 'error' | 'warning' | 'note';
  message: string;
}

/** A line of the series list: files that belong together, or, once they are read, a stack of them. */
export interface SeriesItem {
  id: string;
  title: string;
  detail: string;
  images: number;
  problems: Problem[];
  /** Whether it is read, and so is one stack. */
  isStack: boolean;
  /** Made by this page, and no patient's. */
  isSample: boolean;
}

/** What a folder holds. */
export interface Listing {
  series: SeriesItem[];
  /** Files that are left out, and why. */
  leftOut: { file: string; reason: string }[];
}

/** Letters at the edges of an image: left, right, anterior, posterior, head, feet. */
export type EdgeLetters = Record<'left' | 'right' | 'top' | 'bottom', string>;

export interface DisplayWindow {
  center: number;
  width: number;
}

/** Pixels for the page to show: `values * step` are HU. */
export interface Pixels {
  values: Int16Array;
  step: number;
  rows: number;
  columns: number;
  /** Distance between rows and between columns, in mm, where it is known. */
  spacing: readonly [row: number, column: number] | undefined;
  letters: EdgeLetters | undefined;
  /** What to show it in at first. */
  window: DisplayWindow;
}

/** An opened stack. */
export interface Stack extends Pixels {
  id: string;
  title: string;
  names: string[];
  /** Why it cannot be scored. */
  notScored: string | undefined;
  /** Whether results can be saved as DICOM. */
  isDicom: boolean;
  isSample: boolean;
}

/** A model, and what its card says. */
export interface ModelInfo {
  name: string;
  version: string;
  labels: string[];
  /** What the labels stand for, in words. */
  names: string[];
  thresholds: number[];
  /** Whether it decides on slices, or on a patient as a whole. */
  level: 'slices' | 'patients';
  /** Whether it came with the page, and has seen synthetic heads alone. */
  isSample: boolean;
  card: [term: string, text: string][];
}

/** Where a model comes from. */
export type ModelOrigin = { bundled: string } | { files: File[] } | { stored: string };

/** Calibrated probabilities: a row per slice, or of a model of patients the only one. */
export interface Scores {
  probabilities: number[][];
  seconds: number;
  backend: string;
  /** What was assumed about the pixels. */
  assumed: string | undefined;
}

export const HEAT_METHODS = ['integrated-gradients', 'grad-cam', 'hires-cam'] as const;
export type HeatMethod = (typeof HEAT_METHODS)[number];

/** Heat of each slice, 0..255 for 0..1, where 1 is the hottest point of the stack. */
export interface HeatMap {
  values: Uint8Array;
  rows: number;
  columns: number;
  seconds: number;
}

/** What the worker does when asked. */
export interface Tasks {
  list(files: NamedFile[]): Listing;
  sample(): Listing;
  /** Reads the files of a line; what comes back takes its place. */
  read(id: string): SeriesItem[];
  /** @param picture - What pictures show, which have no HU of their own. */
  stack(id: string, picture: DisplayWindow): Stack;
  openModel(origin: ModelOrigin): ModelInfo;
  storedModels(): string[];
  /** Keeps the model in this browser. */
  storeModel(name: string): string[];
  /** @param picture - What pictures show, or what a model of pictures is to see of HU. */
  score(id: string, picture: DisplayWindow): Scores;
  explain(id: string, label: number, method: HeatMethod): HeatMap;
  report(id: string): Uint8Array;
  /** Heat maps of a label as DICOM files, in a ZIP file. */
  heatMapFiles(id: string, label: number, method: HeatMethod): Uint8Array;
}

export type TaskName = keyof Tasks;

/** What a task says on its way. */
export interface Progress {
  text: string;
  /** 0..1, where it is known. */
  share?: number;
  /** A first slice to look at. */
  preview?: Pixels;
}

export type ToWorker =
  { [K in TaskName]: { id: number; task: K; input: Parameters<Tasks[K]> } }[TaskName] | { cancel: number };

export type FromWorker =
  | { id: number; progress: Progress }
  | { id: number; output: ReturnType<Tasks[TaskName]> }
  | { id: number; error: { name: string; message: string } };
