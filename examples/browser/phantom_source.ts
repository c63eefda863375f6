import * as tf from '@tensorflow/tfjs';
import {
  CT_LABELS,
  makePhantomStudy,
  preprocess,
  type CtLabels,
  type CtPreprocessing,
  type PatientSource,
  type PhantomPatient,
} from 'ct-multilabel';

/**
 * Synthetic patients, generated in the page: a source without files or a server.
 *
 * Training and prediction ask a source for names and labels, and for one patient's images at a time. Replace `load` to
 * use other slices.
 */
export async function phantomSource(
  options: Parameters<typeof makePhantomStudy>[0],
  preprocessing: CtPreprocessing,
  onProgress: (made: number) => void,
): Promise<PatientSource<CtLabels>> {
  const made = new Map<string, PhantomPatient>();
  for (const patient of makePhantomStudy(options)) {
    made.set(patient.id, patient);
    onProgress(made.size);
    // each takes half a second: yield to the page in between
    await new Promise((resolve) => setTimeout(resolve));
  }
  const sliceNames = (id: string) => made.get(id)!.labels.map((_, slice) => `slice ${slice}`);
  return {
    labels: CT_LABELS,
    patients: [...made.keys()],
    sliceNames,
    sliceLabels: (id) => made.get(id)!.labels,
    load: async (id) => {
      const { hu, slices, size, labels } = made.get(id)!;
      return {
        patient: id,
        slices: sliceNames(id),
        images: tf.tidy(() => preprocess(tf.tensor4d(hu, [slices, size, size, 1]), preprocessing)),
        labels: tf.tensor2d(labels),
      };
    },
  };
}
