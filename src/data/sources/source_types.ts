import type * as tf from '@tensorflow/tfjs';
import type { AugmentationDraw, Labels } from '../../base/types';

/** The slices of one patient, in order. Whoever asked for it disposes of it (`disposeStack`). */
export interface PatientStack {
  patient: string;
  /** Slice names, in the order of `images`. */
  slices: string[];
  /** `[slices, height, width, channels]`, values 0..1. */
  images: tf.Tensor4D;
  /** `[slices, labels]`, 0 or 1 (or -1: not labelled); missing when the source has no labels. */
  labels?: tf.Tensor2D;
}

/**
 * Where patients come from: a folder, a generator, a server. Knows names and labels, loads images when asked.
 *
 * `L` is the tuple of the label names, where it is known when the program is compiled: predictions then have a property for each of
 * them (see `PredictedLabels`).
 */
export interface PatientSource<L extends Labels = Labels> {
  /** Label names, in the order of the last axis of {@link PatientStack.labels}. */
  readonly labels: L;
  /** Ids of the stacks: of patients, or of scans where a patient may have several (see {@link PatientSource.groupOf}). */
  readonly patients: readonly string[];
  /** Names of a patient's slices, in order. */
  sliceNames(patient: string): readonly string[];
  /** Labels of a patient's slices, `[slices][labels]`; undefined when there are none. */
  sliceLabels(patient: string): readonly (readonly number[])[] | undefined;
  /** Labels of the patient as a whole, where only those are known; else a patient has what any of the slices has. */
  labelsOf?(patient: string): readonly number[] | undefined;
  /** The person a stack is of; missing where each stack is another person's. No person may be on both sides of a split. */
  groupOf?(patient: string): string;
  /** All slices of a patient. */
  load(patient: string): Promise<PatientStack>;
  /** Some slices of a patient, in the order of `indices` (places in {@link PatientSource.sliceNames}). */
  loadSlices?(patient: string, indices: readonly number[]): Promise<PatientStack>;
  /**
   * All slices, or those of `indices`, already augmented as `draw` says: for sources that prepare images elsewhere than on
   * the calling thread. Equal to `applyAugmentation` on what the other methods load.
   */
  loadAugmented?(patient: string, draw: AugmentationDraw, indices?: readonly number[]): Promise<PatientStack>;
  /**
   * What is done to every slice, where the source knows: a record of `createPreprocessing`. Predicting refuses it with a model that was
   * saved with another one.
   */
  readonly preprocessing?: object;
  /** Loads that the source works on side by side; more wait. Missing: one. */
  readonly loadsAtOnce?: number;
}

/**
 * The part of a {@link PatientSource} that has labels and loads nothing; also what labels from elsewhere can be brought into.
 *
 * @inline
 */
export type PatientLabelSource = Pick<
  PatientSource,
  'labels' | 'patients' | 'sliceNames' | 'sliceLabels' | 'labelsOf'
>;
