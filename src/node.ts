/**
 * What needs a file system or a native part: backends, folders of images, checkpoints, a progress bar.
 *
 * @module node
 */

import './layers/index'; // known to tf.loadLayersModel, whichever entry was imported

// all of `ct-multilabel/dicom` but readDicomSeries, which takes folders here too
export {
  decodeDicomSlice,
  dicomHeatMaps,
  dicomReport,
  NoImageError,
  parseDicomHeader,
  type DicomHeader,
  type DicomProblem,
  type DicomProblemKind,
} from './dicom/index';

// what computes
export { backendReport, useBackend, wasmMemory } from './node/backend/backend';

// patients from folders
export { openKaggleFolder, openPatientFolder, type KaggleFolder } from './node/study/kaggle_folder';

export { readRsnaTable } from './node/study/table_files';
export { readScanTable } from './node/study/table_files';
export { readDicomHeader } from './node/study/dicom_file';
export { readDicomSeries } from './node/study/read_series';
export { scanDicomFolder } from './node/study/scan_folder';
export { openDicomFolder, type DicomFolder } from './node/study/dicom_folder';
export { detectStudy, openStudy } from './node/study/open_study';
export { readPhantomStudy, writePhantomStudy } from './node/study/phantom_study';

// pictures
export { heatMapPng, writeHeatMaps } from './node/pictures/heat_map';
export { writeContactSheet } from './node/pictures/contact_sheet';

// trainings and what they leave behind
export { findCheckpoint, loadCheckpoint, saveCheckpoint } from './node/runs/checkpoint';
export { fileSystem } from './node/runs/model_folder';
export { writePredictions } from './node/runs/predictions_file';
export { trainingProgressBar } from './node/runs/progress';
export { readTrainingHistory } from './node/runs/training_history';
export { openTrainingRun, TrainingRun } from './node/runs/training_run';

// files

export { readGrayImage } from './node/files/image_file';
