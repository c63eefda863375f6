import type * as tf from '@tensorflow/tfjs';
import type { AugmentationDraw, Labels } from '../../base/types';

/** The slices of one patient, in order. The caller disposes it (`disposeStack`). */
export interface PatientStack {
  patient: string;
  /** Slice names, in the order of `images`. */
  slices: string[];
  /** `[slices, height, width, channels]`, values 0..1. */
  images: tf.Tensor4D;
  /** `[slices, labels]`, 0 or 1 (or -1: not labelled); missing if the source has no labels. */
  labels?: tf.Tensor2D;
}

/**
 * A source of patients: a folder, a generator, a server. Knows names and labels, and loads images on demand.
 *
 * `L` is the tuple of label names, if known at compile time: predictions then have a property for each of them (see
 * `PredictedLabels`).
 */
export interface PatientSource<L extends Labels = Labels> {
  /** Label names, in the order of the last axis of {@link PatientStack.labels}. */
  readonly labels: L;
  /** Ids of the stacks: patients, or scans if a patient may have several (see {@link PatientSource.groupOf}). */
  readonly patients: readonly string[];
  /** Names of a patient's slices, in order. */
  sliceNames(patient: string): readonly string[];
  /** Labels of a patient's slices, `[slices][labels]`; undefined if there are none. */
  sliceLabels(patient: string): readonly (readonly number[])[] | undefined;
  /** Labels of the patient, if only those are known; otherwise a patient has every label that any slice has. */
  labelsOf?(patient: string): readonly number[] | undefined;
  /**
   * The person of a stack; missing if every stack belongs to another person. No person may be on both sides of a split.
   */
  groupOf?(patient: string): string;
  /** All slices of a patient. */
  load(patient: string): Promise<PatientStack>;
  /** Some slices of a patient, in the order of `indices` (places in {@link PatientSource.sliceNames}). */
  loadSlices?(patient: string, indices: readonly number[]): Promise<PatientStack>;
  /**
   * All slices, or those of `indices`, augmented according to `draw`: for sources that prepare images on other threads.
   * Equal to `applyAugmentation` on what the other methods load.
   */
  loadAugmented?(patient: string, draw: AugmentationDraw, indices?: readonly number[]): Promise<PatientStack>;
  /**
   * Preprocessing of every slice, if known: a record of `createPreprocessing`. Prediction refuses a source whose record
   * differs from the model's.
   */
  readonly preprocessing?: object;
  /**
   * For each slice of a patient a short text that changes with its stored image, found without decoding it; a resumed
   * run compares them, see `openTrainingRun`. Missing or undefined: images are not compared.
   */
  fingerprints?(patient: string): Promise<readonly string[] | undefined>;
  /** Maximum number of parallel loads; more have to wait. Default: one. */
  readonly loadsAtOnce?: number;
}

/**
 * The part of a {@link PatientSource} that has labels and loads nothing; labels from elsewhere can be given in this
 * form too.
 *
 * @inline
 */
export type PatientLabelSource = Pick<
  PatientSource,
  'labels' | 'patients' | 'sliceNames' | 'sliceLabels' | 'labelsOf'
>;
