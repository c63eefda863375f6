import * as tf from '@tensorflow/tfjs';
import { checkName } from '../../data/tables/slice_names';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import type { CtPreprocessing } from '../../transforms/preprocessing';
import type { AugmentationDraw, Labels } from '../../base/types';
import { mapByFile } from '../../dicom/files/by_file';
import type { SkippedFile } from '../files/file_bytes';
import { fileFingerprints } from '../files/file_fingerprints';
import type { DicomProblemKind } from '../../dicom/problems';
import { requestSlices } from '../preparation/slice_preparation';
import {
  createPreparer,
  readable,
  toPrepare,
  type Preparer,
  type SliceFile,
  type SliceFileOptions,
} from './slice_preparer';

/** Information on patients, besides their slices. */
export interface PatientFacts {
  /** Labels of whole patients, if slices have none. */
  labelsOf?: (patient: string) => readonly number[] | undefined;
  /** The person, if one may have several scans. */
  groupOf?: (patient: string) => string;
  /** Kinds of DICOM error to accept. */
  allow?: readonly DicomProblemKind[];
}

/** Patients whose slices are files: names and labels are known from the start, images are prepared on demand. */
export class SliceFileSource<L extends Labels = Labels> implements PatientSource<L> {
  readonly patients: readonly string[];
  /** Preprocessing of every slice. */
  readonly preprocessing: CtPreprocessing;
  /** Files that were left out, see {@link SliceFileOptions.onBadFile}. */
  readonly skipped: readonly SkippedFile[];
  readonly loadsAtOnce?: number;
  readonly labelsOf?: (patient: string) => readonly number[] | undefined;
  readonly groupOf?: (patient: string) => string;
  readonly loadAugmented?: (
    patient: string,
    draw: AugmentationDraw,
    indices?: readonly number[],
  ) => Promise<PatientStack>;

  private constructor(
    private readonly slices: ReadonlyMap<string, readonly SliceFile[]>,
    readonly labels: L,
    private readonly preparer: Preparer,
    { labelsOf, groupOf }: PatientFacts,
    skipped: readonly SkippedFile[],
  ) {
    this.patients = [...slices.keys()];
    this.preprocessing = preparer.preprocessing;
    this.skipped = skipped;
    if (labelsOf) this.labelsOf = labelsOf;
    if (groupOf) this.groupOf = groupOf;
    if (preparer.capacity !== undefined) {
      this.loadsAtOnce = preparer.capacity;
      this.loadAugmented = (patient, draw, indices) => this.stack(patient, indices, draw);
    }
  }

  /**
   * @param slices - The slices of each patient, in order.
   * @param skipped - Files that were left out before.
   * @throws ArgumentError for an option out of range; DataError according to `onBadFile`.
   */
  static async open<L extends Labels>(
    slices: ReadonlyMap<string, readonly SliceFile[]>,
    labels: L,
    options: SliceFileOptions,
    facts: PatientFacts = {},
    skipped: readonly SkippedFile[] = [],
  ): Promise<SliceFileSource<L>> {
    checkNames(slices);
    const preparer = createPreparer(options, slices, facts.allow ?? []);
    if (options.onBadFile !== 'skip') return new SliceFileSource(slices, labels, preparer, facts, skipped);
    try {
      const read = await readable(slices, preparer, options.onProgress);
      const all = [...skipped, ...read.skipped];
      if (read.slices.size === 0 && all[0]) {
        throw new DataError(`none of ${all.length} files can be read; the first: ${all[0].error.message}`);
      }
      return new SliceFileSource(read.slices, labels, preparer, facts, all);
    } catch (error) {
      await preparer.close();
      throw error;
    }
  }

  sliceNames(patient: string): readonly string[] {
    return this.slicesOf(patient).map(({ slice }) => slice);
  }

  sliceLabels(patient: string): readonly (readonly number[])[] | undefined {
    const labels = this.slicesOf(patient).map((slice) => slice.labels);
    return labels.every((vector) => vector !== undefined) ? labels : undefined;
  }

  async load(patient: string): Promise<PatientStack> {
    return this.stack(patient);
  }

  async loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack> {
    return this.stack(patient, indices);
  }

  /** Path of the file of a patient's slice, counted from 0. */
  fileOf(patient: string, index: number): string {
    const slice = this.slicesOf(patient)[index];
    check(
      slice !== undefined,
      'fileOf: index',
      `an integer from 0 to ${this.slicesOf(patient).length - 1}`,
      index,
    );
    return slice.file;
  }

  /** Fingerprints of a patient's files, see `fileFingerprints`. */
  fingerprints(patient: string): Promise<readonly string[]> {
    return mapByFile(this.slicesOf(patient), 1, (ofFile) => {
      const { file, format, slice } = ofFile[0]!;
      return fileFingerprints(file, ofFile.length, format === 'dicom' ? 'DICOM' : 'image', {
        file,
        patient,
        slice,
      });
    });
  }

  /** Ends the threads, if any, which do not keep the process alive. */
  async close(): Promise<void> {
    await this.preparer.close();
  }

  private slicesOf(patient: string): readonly SliceFile[] {
    const slices = this.slices.get(patient);
    check(slices !== undefined, 'patient', 'a patient of the folder', patient);
    return slices;
  }

  private async stack(
    patient: string,
    indices?: readonly number[],
    draw?: AugmentationDraw,
  ): Promise<PatientStack> {
    const all = this.slicesOf(patient);
    const rule = `a list of at least one integer from 0 to ${all.length - 1}`;
    const isIndex = (index: number) => Number.isInteger(index) && index >= 0 && index < all.length;
    const ok =
      indices === undefined || (Array.isArray(indices) && indices.length > 0 && indices.every(isIndex));
    check(ok, 'loadSlices: indices', rule, indices);
    const wanted = indices?.map((index) => all[index]!) ?? all;
    const files = all.map((slice) => toPrepare(patient, slice));
    const images = await this.preparer.prepare(requestSlices(files, indices, this.preprocessing, draw));
    const vectors = wanted.map(({ labels }) => labels);
    const labelled = vectors.every((vector) => vector !== undefined);
    return {
      patient,
      slices: wanted.map(({ slice }) => slice),
      images,
      ...(labelled && {
        labels: tf.tensor2d(
          vectors.map((vector) => [...vector]),
          [wanted.length, this.labels.length],
          'float32',
        ),
      }),
    };
  }
}

/** Refuses names that tables of predictions do not support. */
function checkNames(slices: ReadonlyMap<string, readonly SliceFile[]>): void {
  for (const [patient, ofPatient] of slices) {
    checkName('patient', patient, { patient });
    for (const { slice, file } of ofPatient) checkName('slice', slice, { file, patient, slice });
  }
}
