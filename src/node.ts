/**
 * What needs a file system or a native part: backends, folders of images, checkpoints, a progress bar.
 *
 * @module ct-multilabel/node
 */

import './layers/index'; // known to tf.loadLayersModel, whichever entry was imported

export {
  backendReport,
  useBackend,
  wasmMemory,
  type BackendName,
  type BackendReport,
  type UseBackendOptions,
} from './node/backend/backend';
export { recoverFolder, writeFileAtomic, writeFolderAtomic } from './node/files/atomic_write';
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
export { readGrayImage, type GrayImage, type ReadGrayImageOptions } from './node/files/image_file';
export {
  openKaggleFolder,
  openPatientFolder,
  type KaggleFolder,
  type KaggleFolderOptions,
} from './node/study/kaggle_folder';
export { type FileProgress, type SkippedFile } from './node/files/file_bytes';
export { type ImageOrientation, type SliceFileOptions } from './node/study/slice_file_source';
export {
  writePatientProbabilities,
  writeProbabilities,
  writeRsnaSubmission,
  writeSubmission,
} from './node/runs/predictions_file';
export { readRsnaTable } from './node/study/rsna_table_file';
export { readScanTable } from './node/study/scan_table_file';
export { heatMapPng, writeHeatMaps, type HeatMapOptions, type HeatMapStack } from './node/pictures/heat_map';
export {
  writeContactSheet,
  type ContactSheet,
  type ContactSheetOptions,
} from './node/pictures/contact_sheet';
export { AIR_HU } from './dicom/pixels/hounsfield';
export {
  decodeDicomSlice,
  type DecodedDicomSlice,
  type DecodeDicomOptions,
} from './dicom/pixels/decode_slice';
export { readDicomHeader } from './node/study/dicom_file';
export { NoImageError, parseDicomHeader, type DicomHeader } from './dicom/dicom_header';
export { type SliceOrientation, type Vector3 } from './dicom/series/geometry';
export { type DicomPixelFormat } from './dicom/pixels/pixel_format';
export { type DicomProblem, type DicomProblemKind, type DicomProblemSeverity } from './dicom/problems';
export {
  readDicomSeries,
  type DicomSeries,
  type DicomSeriesList,
  type ReadDicomSeriesOptions,
} from './node/study/read_series';
export { scanDicomFolder, type DicomScan, type ScanDicomOptions } from './node/study/scan_folder';
export { type DicomSeriesInfo } from './dicom/series/series';
export { type DicomSeriesKind } from './dicom/series/series_kind';
export { type DicomSlice } from './dicom/series/stack_order';
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
export { type SliceFormat } from './node/preparation/slice_preparation';
export * from './node/study/phantom_study';
export { trainingProgressBar, type ProgressBarOptions, type TrainingProgressBar } from './node/runs/progress';
export { readTrainingHistory } from './node/runs/training_history';
export { openTrainingRun, TrainingRun, type TrainingRunOptions } from './node/runs/training_run';
