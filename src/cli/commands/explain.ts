/**
 * Draws where a trained model looked (integrated gradients, Grad-CAM or HiResCAM). With --phantom the data are a
 * synthetic study, whose lesions are known: they are outlined, and the hottest point of every slice is checked against
 * them, on patients that the model was not trained on if there are any.
 */
import * as tf from '@tensorflow/tfjs';
import {
  ArgumentError,
  disposeStack,
  gradCam,
  integratedGradients,
  outputLevel,
  patientLabels,
  pointingGame,
  predictStack,
  prefetchPatients,
  resize,
  sliceContributions,
  type PatientSource,
  type PatientStack,
  type PhantomPatient,
} from '../../index';
import { loadCheckpoint, openStudy, readPhantomStudy, useBackend, writeHeatMaps } from '../../node';
import { ownChannels } from '../../data/sources/own_channels';
import { checkOneOf } from '../../base/checks';
import { positiveInteger } from '../../base/options';
import { command, options, type Args } from '../command_line';
import { BACKEND, CHECKPOINT, STUDY, studyOptions } from '../options';
import { checkOutputs } from '../outputs';
import { seenPatients } from '../studies/seen_patients';
import { warnOfProblems } from '../studies/study_problems';
import { progressLine, textTable } from '../terminal';

const OPTIONS = options({
  ...CHECKPOINT,
  data: { value: 'DIR', help: 'a folder of patients, images or DICOM', required: true, once: true },
  patient: { value: 'ID', help: 'the patient to draw (default: the first with the label)' },
  label: { value: 'NAME', default: 'ich', help: 'the label whose decision is explained' },
  slice: { value: 'N', rule: positiveInteger, help: 'explain the decision on this slice only, counted from 1' },
  method: { value: 'NAME', choices: ['integrated-gradients', 'grad-cam', 'hires-cam'], default: 'integrated-gradients', help: 'method of the heat map' },
  layer: { value: 'NAME', help: "the backbone layer for a CAM (default: the last before pooling)" },
  out: { value: 'FILE', default: 'where-it-looked.png', help: 'file for the picture' },
  zoom: { value: 'N', rule: positiveInteger, default: 1, help: "pixels of the picture per pixel of the model's images" },
  phantom: { help: 'the data are a synthetic study: check the maps against its lesions' },
  tolerance: { value: 'X', default: 0, help: 'distance from a lesion in pixels that still counts as inside, with --phantom' },
  ...STUDY,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: [
    '--checkpoint runs/kaggle --data DIR --patient ID_001 --label ich --out where.png',
    '--checkpoint runs/demo/run --data runs/demo/study --phantom',
  ],
  options: OPTIONS,
  json: 'the contribution of each slice (with --slice) and the hit rates of the maps (with --phantom)',
  run: explain,
});

async function explain(args: Args<typeof OPTIONS>): Promise<unknown> {
  if (args.layer !== undefined && args.method === 'integrated-gradients')
    throw new ArgumentError(`--layer: expected --method grad-cam or hires-cam, received '${args.method}'`);
  const [dir, checkpoint] = [args.data, args.checkpoint];
  await checkOutputs({ files: { out: args.out } }, { studies: { data: dir }, checkpoints: { checkpoint } });
  await useBackend(args.backend);
  const { model, manifest } = await loadCheckpoint(checkpoint);
  const { labels, preprocessing, thresholds } = manifest;
  const label = args.label;
  checkOneOf(label, labels, '--label');
  const place = labels.indexOf(label);
  const study = await openStudy(dir, {
    ...{ preprocessing, labels, requireLabels: false },
    ...studyOptions(args),
  });
  warnOfProblems(study);
  const phantoms = args.phantom ? await readPhantomStudy(dir) : undefined;
  const phantomOf = (patient: string): PhantomPatient | undefined =>
    phantoms?.patient(Number(patient.replace('ID_', '')) - 1);

  const { train = [], validation = [] } = await seenPatients(checkpoint);
  const seen = new Set([...train, ...validation]);
  const unseen = study.patients.filter((patient) => !seen.has(patient));
  const judged = unseen.length > 0 ? unseen : study.patients;
  const patient = args.patient ?? firstWith(study, judged, place);

  const contributions = await draw(await study.load(patient));
  const hits = phantoms ? await checkAgainstLesions() : undefined;
  await study.close();
  return { picture: args.out, patient, label, contributions, hits };

  async function mapsOf({ images }: PatientStack, k: number, slice?: number): Promise<tf.Tensor3D> {
    const { method, layer } = args;
    const options = { label: k, slice };
    if (method === 'integrated-gradients') return integratedGradients(model, images, options);
    return gradCam(model, images, { ...options, method, layer });
  }

  /** A picture of one patient, and the contributions of the slices to a decision. */
  async function draw(stack: PatientStack): Promise<unknown> {
    const phantom = phantomOf(stack.patient);
    const slice = args.slice === undefined ? undefined : args.slice - 1;
    const maps = await mapsOf(stack, place, slice);
    const chances = (await probabilitiesOf(stack))[place]!;
    const truth = study.sliceLabels(stack.patient);
    const captions = stack.slices.map((_, i) => {
      const chance = chances.length === stack.slices.length ? ` ${chances[i]!.toFixed(2)}` : '';
      return `${i + 1}${chance}${truth?.[i]?.[place] === 1 ? ` ${label}` : ''}`;
    });
    const explained = slice === undefined ? label : `${label} on slice ${slice + 1}`;
    // lesions are outlined at their original resolution
    const size = phantom ? ([phantom.size, phantom.size] as const) : preprocessing.imageSize;
    const [own] = ownChannels(study, stack.images.shape[3]);
    const [images, heat] = tf.tidy(() => {
      const shown: tf.Tensor4D = tf.slice(stack.images, [0, 0, 0, own], [-1, -1, -1, 1]);
      return [resize(shown, size), enlarged(maps, size)] as const;
    });
    const written = ['slice', ...(chances.length === stack.slices.length ? ['probability'] : []), ...(truth ? ['true label'] : [])]; // prettier-ignore
    const drawn = {
      title: `${stack.patient}: where the model looked for ${explained} (${written.join(', ')})`,
      images,
      maps: heat,
      captions,
      masks: phantom && lesions(phantom, place),
    };
    const legend = `${args.method}, 1: hottest point of the stack`;
    const { width, height } = await writeHeatMaps(args.out, [drawn], { zoom: args.zoom, legend });
    console.log(`${args.out}: ${stack.slices.length} slices of ${stack.patient}, ${width} x ${height} pixels`); // prettier-ignore
    const contributions = slice === undefined ? undefined : await printContributions(stack, slice);
    tf.dispose([maps, images, heat]);
    disposeStack(stack);
    return contributions;
  }

  /** The contribution of each slice to the logit of `slice`. */
  async function printContributions(
    stack: PatientStack,
    slice: number,
  ): Promise<{ slice: string; logit: number }[]> {
    const matrix = sliceContributions(model, stack.images, { label: place });
    const row = ((await matrix.array()) as number[][])[slice]!;
    matrix.dispose();
    const rows = row.map((value, i) => [`${stack.slices[i]}${i === slice ? ' (itself)' : ''}`, value]);
    console.log(`\n${textTable([`contribution to ${label} on slice ${slice + 1}`, 'logit'], rows)}`);
    return row.map((logit, i) => ({ slice: stack.slices[i]!, logit }));
  }

  /** The pointing game, label by label. */
  async function checkAgainstLesions(): Promise<unknown> {
    const all = labels.map(() => ({ hits: 0, total: 0, chanceHits: 0 }));
    const found = labels.map(() => ({ hits: 0, total: 0, chanceHits: 0 }));
    const line = progressLine('patients');
    let done = 0;
    for await (const stack of prefetchPatients(study, judged)) {
      const phantom = phantomOf(stack.patient)!;
      const { slices, size } = phantom;
      const probabilities = await probabilitiesOf(stack);
      for (const k of labels.keys()) {
        if (!phantom.labels.some((row) => row[k] === 1)) continue;
        const small = await mapsOf(stack, k);
        const heat = tf.tidy(() => enlarged(small, [size, size]));
        small.dispose();
        const maps = await heat.data();
        heat.dispose();
        const isFound = (i: number) => (probabilities[k]![i] ?? probabilities[k]![0]!) >= thresholds[k]!;
        const shape = [slices, size, size] as const;
        const play = (counts: (typeof all)[number], counted: (slice: number) => boolean) => {
          const masks = lesions(phantom, k, (i) => phantom.labels[i]![k] === 1 && counted(i));
          const options = { shape, tolerance: args.tolerance, within: phantom.tissue };
          const result = pointingGame(maps, masks, options);
          for (const key of ['hits', 'total', 'chanceHits'] as const) counts[key] += result[key];
        };
        play(all[k]!, () => true);
        play(found[k]!, isFound);
      }
      disposeStack(stack);
      line.show(++done, judged.length);
    }
    line.end();
    const share = (part: number, { total }: { total: number }) =>
      total === 0 ? '-' : (part / total).toFixed(3);
    const rows = labels.map((name, k) => [
      name,
      ...[all[k]!, found[k]!].flatMap((counts) => [
        String(counts.total),
        share(counts.hits, counts),
        share(counts.chanceHits, counts),
      ]),
    ]);
    const known = unseen.length > 0 ? 'not used for training' : 'used for training';
    console.log(`\nHottest point of a slice's map inside a lesion, on ${judged.length} patients ${known}`);
    console.log(
      textTable(['', 'slices', 'hits', 'by chance', 'of these detected', 'hits', 'by chance'], rows),
    );
    return labels.map((name, k) => ({ label: name, all: all[k], found: found[k] }));
  }

  /** `[labels][slices]`; for a patient-level model `[labels][1]`. */
  async function probabilitiesOf(stack: PatientStack): Promise<number[][]> {
    const probabilities = tf.tidy(() => {
      const logits = predictStack(model, tf.expandDims(stack.images));
      const rows = outputLevel(model) === 'patients' ? logits : tf.squeeze(logits, [0]);
      return tf.transpose(tf.sigmoid(rows)) as tf.Tensor2D;
    });
    const values = await probabilities.array();
    probabilities.dispose();
    return values;
  }
}

/** Resizes maps `[slices, h, w]`. */
function enlarged(maps: tf.Tensor3D, size: readonly [number, number]): tf.Tensor3D {
  return tf.squeeze(resize(tf.expandDims(maps, 3), size), [3]);
}

/** 1 where a phantom has the label, on the slices that are counted. */
function lesions(phantom: PhantomPatient, label: number, counts = (_slice: number) => true): Uint8Array {
  const area = phantom.size ** 2;
  return phantom.masks.map((bits, i) => (counts(Math.floor(i / area)) ? (bits >> label) & 1 : 0));
}

/** The first patient with a label, or the first of all if there is none. */
function firstWith(source: PatientSource, patients: readonly string[], label: number): string {
  const labelled = (patient: string) =>
    source.sliceLabels(patient) !== undefined || source.labelsOf?.(patient) !== undefined;
  const found = patients.find((patient) => labelled(patient) && patientLabels(source, patient)[label] === 1);
  return found ?? patients[0]!;
}
