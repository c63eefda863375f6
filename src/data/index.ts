/**
 * Labels, tables, splits and the phantom, without the layers that `ct-multilabel` always brings.
 *
 * @module data
 */

export { CT_LABEL_NAMES, CT_LABELS, type CtLabel, type CtLabels } from './labels/labels';
export { cachedSource } from './sources/cached_source';
export { padStacks } from './sources/pad_stacks';
export { findDuplicateSlices } from './checks/duplicate_slices';
export { parseKaggleTable } from './tables/kaggle_table';
export {
  disposeStack,
  patientLabels,
  prefetchPatients,
  subset,
  type PatientSource,
  type PatientStack,
} from './sources/patient_source';
export { labelRuns } from './checks/label_runs';
export { labelStatistics } from './checks/label_statistics';
export { patientsUnknown } from './checks/patients_unknown';
export { checkNoLeak } from './checks/leak_check';
export { kFoldByPatient, nestedKFoldByPatient } from './splits/patient_folds';

export { unionSource } from './sources/union_source';
export { splitByPatient, splitByShares } from './splits/patient_split';
export { type SlicePrediction, type PredictedSlice } from './tables/predictions_table';

export { RSNA_LABELS, RSNA_TO_CT_LABELS } from './labels/rsna_labels';
export { predictionsTable } from './tables/prediction_formats';
export { RsnaTableReader } from './tables/rsna_table';
export { parseScanTable } from './tables/scan_table';
export { splitMeasures } from './splits/split_measures';
export { makePhantomPatient, makePhantomStudy, type PhantomPatient } from './phantom/phantom';
