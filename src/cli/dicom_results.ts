/** A model's results for a DICOM study, as DICOM objects. */
import { readFile } from 'node:fs/promises';
import type * as tf from '@tensorflow/tfjs';
import { disposeStack, gradCam, type CheckpointManifest, type CtBrainModel } from '../index';
import { dicomHeatMaps, dicomReport, type DicomFolder } from '../node';
import { DicomDataSet } from '../dicom/data_set';
import { DEFLATED_LITTLE_ENDIAN } from '../dicom/transfer_syntax';
import { ownChannels } from '../data/sources/own_channels';
import { sliceNames } from '../node/study/stack_names';
import { modelChecksums } from '../saving/checksum';

/** A model and its manifest. */
export interface ReportingModel {
  model: CtBrainModel;
  manifest: CheckpointManifest;
}

/** A DICOM object, and a plain name for its file. */
export interface ResultObject {
  name: string;
  bytes: Uint8Array;
}

/**
 * The heat maps of each label that was found in a stack, then its report, so that the presence of a report means that
 * the results are complete.
 *
 * @param probabilities - `[slices][labels]` of the slices that the study has, or `[1][labels]` for a patient-level
 * model.
 */
export async function* dicomResults(
  { model, manifest }: ReportingModel,
  study: DicomFolder,
  patient: string,
  probabilities: readonly (readonly number[])[],
): AsyncGenerator<ResultObject, void, undefined> {
  const { labels, thresholds } = manifest;
  const identity = await reportedModel({ model, manifest });
  const images = await sourceImages(study, patient);
  const found = labels.filter((_, k) => probabilities.some((row) => row[k]! >= thresholds[k]!));
  if (found.length > 0) yield* heatMaps({ model, manifest }, study, patient, found, images);
  yield {
    name: 'report.dcm',
    bytes: await dicomReport(images, { model: identity, labels, probabilities, thresholds }),
  };
}

/** The heat maps of some labels, drawn over what the model saw. */
async function* heatMaps(
  { model, manifest }: ReportingModel,
  study: DicomFolder,
  patient: string,
  found: readonly string[],
  images: Awaited<ReturnType<typeof sourceImages>>,
): AsyncGenerator<ResultObject, void, undefined> {
  const { labels } = manifest;
  const identity = await reportedModel({ model, manifest });
  const { orientation } = study.seriesOf(patient);
  const stack = await study.load(patient);
  try {
    const [, rows, columns, channels] = stack.images.shape;
    const pixels = await channelOf(stack.images, ownChannels(study, channels)[0]);
    for (const label of found) {
      const maps = gradCam(model, stack.images, { label: labels.indexOf(label) });
      const heat = await maps.data();
      maps.dispose();
      const part = (values: Float32Array, i: number) => values.subarray(i * rows * columns, (i + 1) * rows * columns); // prettier-ignore
      const files = await dicomHeatMaps(
        images.map((image, i) => ({
          ...image,
          pixels: part(pixels, i),
          map: part(heat as Float32Array, i),
        })),
        { model: identity, label, rows, columns, orientation },
      );
      const digits = String(files.length).length;
      for (const [i, bytes] of files.entries()) {
        yield { name: `${label}_${String(i + 1).padStart(digits, '0')}.dcm`, bytes };
      }
    }
  } finally {
    disposeStack(stack);
  }
}

/** A name for the model from its variant or backbone, and a version that changes with any change of the model. */
export async function reportedModel({
  model,
  manifest,
}: ReportingModel): Promise<{ name: string; version: string }> {
  const sums = manifest.checksums ?? (await checksumsOf(model, manifest));
  return {
    name: `ct-multilabel ${builtFrom(manifest.model)}`.slice(0, 64),
    version: `${sums.description}-${sums.weights}`,
  };
}

/** A variant by its published name, in which another backbone takes the place of VGG16. */
export function builtFrom({ variant, backbone }: CheckpointManifest['model']): string {
  const known = typeof backbone === 'string' ? backbone : undefined;
  if (typeof variant !== 'string') return known ?? 'a model';
  return known === undefined || known === 'vgg16' ? variant : variant.replace(/^VGG16/, known);
}

/** For models that were saved before checksums were introduced. */
async function checksumsOf(model: tf.LayersModel, manifest: CheckpointManifest) {
  const read = await Promise.all(model.getWeights().map((weight) => weight.data()));
  const values = read.map((each) => new Uint8Array(each.slice().buffer));
  const weights = new Uint8Array(values.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const bytes of values) {
    weights.set(bytes, at);
    at += bytes.length;
  }
  return modelChecksums({ manifest, topology: {}, specs: [], weights: weights.buffer });
}

/** The headers of a stack's files, each read once. */
async function sourceImages(study: DicomFolder, patient: string) {
  const series = study.seriesOf(patient);
  const names = sliceNames(series);
  const byName = new Map(names.map((name, i) => [name, series.slices[i]!]));
  const heads = new Map<string, Uint8Array>();
  const images: { bytes: Uint8Array; frame: number | undefined; file: string }[] = [];
  for (const [i, name] of study.sliceNames(patient).entries()) {
    const { file, frame } = byName.get(name)!;
    const bytes = heads.get(file) ?? (await headOf(study.fileOf(patient, i), file));
    heads.set(file, bytes);
    images.push({ bytes, frame, file });
  }
  return images;
}

/** A file up to its pixels, so that those of a whole stack need little memory. */
async function headOf(path: string, file: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  const { pixelData, syntax } = DicomDataSet.parse(bytes, { file });
  // in a deflated file this offset refers to the inflated data
  if (syntax.uid === DEFLATED_LITTLE_ENDIAN) return bytes;
  return Uint8Array.from(bytes.subarray(0, pixelData?.offset));
}

async function channelOf(images: tf.Tensor4D, channel: number): Promise<Float32Array> {
  const values = (await images.data()) as Float32Array;
  const [, , , channels] = images.shape;
  return values.filter((_, i) => i % channels === channel);
}
