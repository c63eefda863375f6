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
 * Synthetic patients, made in the page: a source of patients without files or a server.
 *
 * Training and prediction ask a source for names and labels, which it knows, and for one patient's images at a time. Replace `load`
 * to bring slices from elsewhere.
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
    // half a second each: the page gets its turn in between
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
