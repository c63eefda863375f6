/**
 * Labels, tables, splits and the phantom, without the layers that `ct-multilabel` always brings.
 *
 * @module ct-multilabel/data
 */

export { byLabel, CT_LABEL_NAMES, CT_LABELS, type CtLabel, type CtLabels } from './labels/labels';
export { cachedSource, type CachedSourceOptions } from './sources/cached_source';
export {
  findDuplicateSlices,
  type DuplicateSearchOptions,
  type DuplicateSlices,
} from './checks/duplicate_slices';
export {
  groupByPatient,
  parseKaggleTable,
  sliceOrder,
  sliceStem,
  type KaggleRow,
  type KaggleTableOptions,
} from './tables/kaggle_table';
export {
  disposeStack,
  patientLabels,
  prefetchPatients,
  subset,
  type PatientLabelSource,
  type PatientSource,
  type PatientStack,
} from './sources/patient_source';
export { labelRuns, type InterruptedLabel, type LabelRuns, type SliceRange } from './checks/label_runs';
export { labelStatistics, type LabelCount, type LabelStatistics } from './checks/label_statistics';
export { patientsUnknown } from './checks/patients_unknown';
export { checkNoLeak, duplicatesAcross, type LeakCheckOptions, type SplitSides } from './checks/leak_check';
export {
  kFoldByPatient,
  nestedKFoldByPatient,
  type KFoldOptions,
  type NestedKFoldOptions,
  type NestedPatientFold,
  type PatientFold,
} from './splits/patient_folds';
export { prefetch, type PrefetchOptions } from './sources/prefetch';
export { unionSource, type NamedStudy } from './sources/union_source';
export {
  splitByPatient,
  splitByShares,
  type PatientGrouping,
  type ShareSplitOptions,
  type PatientLabels,
  type PatientSplit,
  type PatientSplitOptions,
} from './splits/patient_split';
export {
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  type PatientPrediction,
  type PredictedLabel,
  type PredictedLabels,
  type PredictedPatient,
  type PredictedSlice,
  type SlicePrediction,
} from './tables/predictions_table';
export { type MissingLabels } from './tables/label_columns';
export { RSNA_LABELS, RSNA_TO_CT_LABELS, type RsnaLabel } from './labels/rsna_labels';
export { rsnaSubmissionTable } from './tables/rsna_predictions_table';
export {
  RsnaTableReader,
  type RsnaDuplicate,
  type RsnaTable,
  type RsnaTableOptions,
} from './tables/rsna_table';
export {
  CQ500_COLUMNS,
  parseScanTable,
  scanKey,
  type ScanRow,
  type ScanTableOptions,
} from './tables/scan_table';
export { splitMeasures, type SplitMeasures, type SplitMeasuresOptions } from './splits/split_measures';
export * from './phantom/phantom';
