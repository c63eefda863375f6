/**
 * Labels, tables, splits and the phantom, without the layers that `ct-multilabel` always brings.
 *
 * @module ct-multilabel/data
 */

export { byLabel, CT_LABEL_NAMES, CT_LABELS, type CtLabel, type CtLabels } from './labels';
export { cachedSource, type CachedSourceOptions } from './cached_source';
export { findDuplicateSlices, type DuplicateSearchOptions, type DuplicateSlices } from './duplicate_slices';
export {
  groupByPatient,
  parseKaggleTable,
  sliceOrder,
  sliceStem,
  type KaggleRow,
  type KaggleTableOptions,
} from './kaggle_table';
export {
  disposeStack,
  patientLabels,
  prefetchPatients,
  subset,
  type PatientLabelSource,
  type PatientSource,
  type PatientStack,
} from './patient_source';
export { labelRuns, type InterruptedLabel, type LabelRuns, type SliceRange } from './label_runs';
export { labelStatistics, type LabelCount, type LabelStatistics } from './label_statistics';
export { checkNoLeak, duplicatesAcross, type LeakCheckOptions, type SplitSides } from './leak_check';
export {
  kFoldByPatient,
  nestedKFoldByPatient,
  type KFoldOptions,
  type NestedKFoldOptions,
  type NestedPatientFold,
  type PatientFold,
} from './patient_folds';
export { prefetch, type PrefetchOptions } from './prefetch';
export {
  splitByPatient,
  splitByShares,
  type PatientGrouping,
  type ShareSplitOptions,
  type PatientLabels,
  type PatientSplit,
  type PatientSplitOptions,
} from './patient_split';
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
} from './predictions_table';
export { RSNA_LABELS, RSNA_TO_CT_LABELS, type RsnaLabel } from './rsna_labels';
export { rsnaSubmissionTable } from './rsna_predictions_table';
export { RsnaTableReader, type RsnaDuplicate, type RsnaTable, type RsnaTableOptions } from './rsna_table';
export { CQ500_COLUMNS, parseScanTable, scanKey, type ScanRow, type ScanTableOptions } from './scan_table';
export { splitMeasures, type SplitMeasures, type SplitMeasuresOptions } from './split_measures';
export * from './phantom';
