import * as tf from '@tensorflow/tfjs';
import type { PatientSource, PatientStack } from '../data/patient_source';
import { check } from '../errors';
import { preprocess, type CtPreprocessing } from '../transforms/preprocessing';
import type { Labels } from '../types';
import { readGrayImage } from './image_file';
import { mapAtMost } from './map_at_most';

/** One slice of an {@link ImageFolderSource}. */
export interface SliceFile {
  /** Name as the table, or else the folder, has it. */
  slice: string;
  /** Full path of the image. */
  file: string;
  /** Row of the table, if there is one. */
  row?: number;
  /** 0 or 1 for each label. */
  labels?: readonly number[];
}

/** Slices decoded at the same time; more only fills the memory, because decoding has its own few threads. */
const DECODING_AT_ONCE = 4;

/** Patients whose slices are image files: names and labels are known at once, images are decoded when asked for. */
export class ImageFolderSource implements PatientSource {
  readonly patients: readonly string[];

  /** @param slices - The slices of each patient, in order. */
  constructor(
    private readonly slices: ReadonlyMap<string, readonly SliceFile[]>,
    readonly labels: Labels,
    /** What is done to every image. */
    readonly preprocessing: CtPreprocessing,
  ) {
    this.patients = [...slices.keys()];
  }

  sliceNames(patient: string): readonly string[] {
    return this.slicesOf(patient).map(({ slice }) => slice);
  }

  sliceLabels(patient: string): readonly (readonly number[])[] | undefined {
    const labels = this.slicesOf(patient).map((slice) => slice.labels);
    return labels.every((vector) => vector !== undefined) ? labels : undefined;
  }

  async load(patient: string): Promise<PatientStack> {
    return this.decode(patient, this.slicesOf(patient));
  }

  async loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack> {
    const slices = this.slicesOf(patient);
    check(
      Array.isArray(indices) && indices.length > 0,
      'loadSlices: indices',
      'a list of at least one index',
      indices,
    );
    const chosen = indices.map((index) => {
      check(
        Number.isInteger(index) && index >= 0 && index < slices.length,
        'loadSlices: indices',
        `integers from 0 to ${slices.length - 1}`,
        index,
      );
      return slices[index]!;
    });
    return this.decode(patient, chosen);
  }

  private slicesOf(patient: string): readonly SliceFile[] {
    const slices = this.slices.get(patient);
    check(slices !== undefined, 'patient', 'a patient of the folder', patient);
    return slices;
  }

  private async decode(patient: string, slices: readonly SliceFile[]): Promise<PatientStack> {
    const pictures = await mapAtMost(
      slices,
      DECODING_AT_ONCE,
      async ({ file, slice, row }) => {
        const { data, height, width } = await readGrayImage(file, { where: { patient, slice, row } });
        return tf.tidy(() => preprocess(tf.tensor2d(data, [height, width]), this.preprocessing));
      },
      (picture) => picture.dispose(),
    );
    const images = tf.tidy(() => tf.expandDims(tf.stack(pictures), -1) as tf.Tensor4D);
    tf.dispose(pictures);
    const vectors = slices.map(({ labels }) => labels);
    const labelled = vectors.every((vector) => vector !== undefined);
    return {
      patient,
      slices: slices.map(({ slice }) => slice),
      images,
      ...(labelled && {
        labels: tf.tensor2d(
          vectors.map((vector) => [...vector]),
          [slices.length, this.labels.length],
          'float32',
        ),
      }),
    };
  }
}
