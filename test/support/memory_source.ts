import * as tf from '@tensorflow/tfjs';
import { patientLabels, type PatientSource, type PatientStack } from '../../src/data/sources/patient_source';
import { deriveSeed, seededRandom } from '../../src/base/random';

/** Patients in memory whose labels can be seen: label l lights up the l-th column of the image. */
export function memorySource(options: {
  patients: string[];
  slices: number | ((patient: string) => number);
  size?: number;
  labels?: string[];
  /** How often a slice has a label. */
  prevalence?: number;
}): PatientSource & { loaded: string[] } {
  const { patients, slices, size = 16, labels = ['a', 'b'], prevalence = 0.4 } = options;
  const count = (patient: string) => (typeof slices === 'number' ? slices : slices(patient));
  const sliceLabels = (patient: string) => {
    const random = seededRandom(deriveSeed(1, patient));
    return Array.from({ length: count(patient) }, () => labels.map(() => (random() < prevalence ? 1 : 0)));
  };
  const sliceNames = (patient: string) =>
    Array.from({ length: count(patient) }, (_, i) => `${patient}_${i}.png`);
  const loaded: string[] = [];
  const load = async (patient: string, indices: readonly number[]): Promise<PatientStack> => {
    loaded.push(patient);
    const all = sliceLabels(patient);
    const width = size / labels.length;
    const pixels = indices.flatMap((i) =>
      Array.from({ length: size * size }, (_, p) => {
        const label = Math.floor((p % size) / width);
        return 0.2 + 0.6 * all[i]![label]!;
      }),
    );
    return {
      patient,
      slices: indices.map((i) => sliceNames(patient)[i]!),
      images: tf.tensor4d(pixels, [indices.length, size, size, 1]),
      labels: tf.tensor2d(indices.map((i) => all[i]!)),
    };
  };
  return {
    labels,
    patients,
    sliceNames,
    sliceLabels,
    loaded,
    load: (patient) =>
      load(
        patient,
        Array.from({ length: count(patient) }, (_, i) => i),
      ),
    loadSlices: load,
  };
}

/** The same source, of which only the patients as a whole are labelled. */
export function onlyPatientLabels(source: PatientSource): PatientSource {
  const withoutLabels = ({ labels, ...stack }: PatientStack): PatientStack => {
    labels!.dispose();
    return stack;
  };
  return {
    labels: source.labels,
    patients: source.patients,
    sliceNames: (patient) => source.sliceNames(patient),
    sliceLabels: () => undefined,
    labelsOf: (patient) => patientLabels(source, patient),
    load: async (patient) => withoutLabels(await source.load(patient)),
    loadSlices: async (patient, indices) => withoutLabels(await source.loadSlices!(patient, indices)),
  };
}

/** A small CNN that keeps left and right apart, so that the labels of {@link memorySource} can be learned. */
export function tinyBackbone(
  options: { size?: number; batchNorm?: boolean; seed?: number } = {},
): tf.LayersModel {
  const { size = 16, batchNorm = false, seed = 1 } = options;
  const input = tf.input({ shape: [size, size, 1] });
  const kernelInitializer = tf.initializers.heNormal({ seed });
  let x = tf.layers
    .conv2d({ name: 'conv', filters: 4, kernelSize: 3, strides: 2, kernelInitializer })
    .apply(input) as tf.SymbolicTensor;
  if (batchNorm) x = tf.layers.batchNormalization({ name: 'bn' }).apply(x) as tf.SymbolicTensor;
  x = tf.layers.reLU({}).apply(x) as tf.SymbolicTensor;
  x = tf.layers.maxPooling2d({ poolSize: 3, strides: 3 }).apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: tf.layers.flatten({}).apply(x) as tf.SymbolicTensor });
}
