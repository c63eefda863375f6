/**
 * What needs a file system or a native part: backends, folders of images, checkpoints, a progress bar.
 *
 * @module ct-multilabel/node
 */

import './layers/index'; // known to tf.loadLayersModel, whichever entry was imported

export * from './dicom/index';

// what computes
export {
  backendReport,
  useBackend,
  wasmMemory,
  type BackendName,
  type BackendReport,
  type UseBackendOptions,
} from './node/backend/backend';

// patients from folders
export {
  openKaggleFolder,
  openPatientFolder,
  type KaggleFolder,
  type KaggleFolderOptions,
} from './node/study/kaggle_folder';
export { type ImageOrientation, type SliceFileOptions } from './node/study/slice_file_source';
export { readRsnaTable } from './node/study/rsna_table_file';
export { readScanTable } from './node/study/scan_table_file';
export { readDicomHeader } from './node/study/dicom_file';
export {
  readDicomSeries,
  type DicomSeries,
  type DicomSeriesList,
  type ReadDicomSeriesOptions,
} from './node/study/read_series';
export { scanDicomFolder, type DicomScan, type ScanDicomOptions } from './node/study/scan_folder';
export {
  openDicomFolder,
  type DicomFolder,
  type DicomFolderOptions,
  type DicomFolderProblem,
} from './node/study/dicom_folder';
export {
  detectStudy,
  openStudy,
  type DetectedStudy,
  type StudyLayout,
  type StudyOptions,
} from './node/study/open_study';
export * from './node/study/phantom_study';
export { type SliceFormat } from './node/preparation/slice_preparation';

// pictures
export { heatMapPng, writeHeatMaps, type HeatMapOptions, type HeatMapStack } from './node/pictures/heat_map';
export {
  writeContactSheet,
  type ContactSheet,
  type ContactSheetOptions,
} from './node/pictures/contact_sheet';

// trainings and what they leave behind
export {
  findCheckpoint,
  loadCheckpoint,
  restoreOptimizer,
  restoreWeights,
  saveCheckpoint,
  type Checkpoint,
  type SaveCheckpointOptions,
} from './node/runs/checkpoint';
export { fileSystem } from './node/runs/model_folder';
export {
  writePatientProbabilities,
  writeProbabilities,
  writeRsnaSubmission,
  writeSubmission,
} from './node/runs/predictions_file';
export { trainingProgressBar, type ProgressBarOptions, type TrainingProgressBar } from './node/runs/progress';
export { readTrainingHistory } from './node/runs/training_history';
export { openTrainingRun, TrainingRun, type TrainingRunOptions } from './node/runs/training_run';

// files
export { recoverFolder, writeFileAtomic, writeFolderAtomic } from './node/files/atomic_write';
export { readGrayImage, type GrayImage, type ReadGrayImageOptions } from './node/files/image_file';
export { type FileProgress, type SkippedFile } from './node/files/file_bytes';
