/**
 * Writes every patient's slices as a model sees them, for training in PyTorch: one file per patient with `images`
 * `[slices, height, width, channels]`, `labels` `[slices, labels]` if slices are labelled, and `patient_labels`
 * `[labels]`; and `index.json`, written last.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { ArgumentError } from '../../index';
import { PRECISIONS, storedValues } from '../../base/stored_values';
import { safetensorsFile } from '../../interop/safetensors';
import { useBackend } from '../../node';
import { patientTargets } from '../../data/sources/patient_source';
import { exists, writeFileAtomic } from '../../node/files/atomic_write';
import { command, options, type Args } from '../command_line';
import { LABELS, PREPROCESSING, STUDY, studyOptions, TABLE } from '../options';
import { checkOutputs } from '../outputs';
import { openStudies, preprocessingFor } from '../studies/open_studies';
import { checkShares, checkStudies, SPLIT, splitStudies } from '../studies/split_studies';
import { progressLine } from '../terminal';

const OPTIONS = options({
  data: { value: 'DIR', help: 'folder of patients, as for train; may be given more than once', required: true, multiple: true },
  ...LABELS,
  out: { value: 'DIR', help: 'a new folder for the files', required: true },
  precision: { value: 'NAME', choices: PRECISIONS, default: 'float32', help: 'precision of the stored values; uint8 stores 255ths' },
  ...TABLE,
  ...PREPROCESSING,
  ...SPLIT,
  seed: { value: 'N', default: 1, help: "seed of the split; use a training run's seed for the same split" },
  ...STUDY,
}); // prettier-ignore

const DTYPES = { float32: 'F32', float16: 'F16', uint8: 'U8' };

export default command({
  examples: ['--data DIR --out shards', '--data DIR --precision uint8 --out shards'],
  options: OPTIONS,
  json: 'the numbers of patients and slices on each side',
  run: prepare,
});

async function prepare(args: Args<typeof OPTIONS>): Promise<unknown> {
  const { data: folders, out, precision } = args;
  checkShares(args);
  await checkOutputs({ folders: { out } }, { studies: { data: folders } });
  const index = path.join(out, 'index.json');
  if (await exists(index)) {
    throw new ArgumentError(
      `--out: expected a new folder, received '${out}', which contains prepared patients`,
    );
  }
  await useBackend('wasm');
  const preprocessing = await preprocessingFor(folders, args);
  const opened = await openStudies(folders, {
    preprocessing,
    labels: args.labels,
    table: args.table,
    ...studyOptions(args),
  });
  const { study, trainOnly } = opened;
  const split = splitStudies(opened, args);
  if (folders.length > 1) await checkStudies(study, split);
  if (trainOnly.length > 0) {
    console.log(`left out: ${trainOnly.length} single slices of unknown patients, which are not stacks`);
  }

  await mkdir(out, { recursive: true });
  const unknown = new Set(trainOnly);
  const sides = (['train', 'validation', 'test'] as const).flatMap((side) =>
    split[side].filter((name) => !unknown.has(name)).map((name) => ({ name, side })),
  );
  const patients: { name: string; side: string; file: string; slices: number; sha256: string }[] = [];
  const line = progressLine('preparing patients');
  for (const [i, { name, side }] of sides.entries()) {
    const { images, labels, slices } = await study.load(name);
    const file = `${String(i).padStart(6, '0')}.safetensors`;
    const entry = (what: string, dtype: string, shape: number[], values: ArrayBufferView) => ({
      ...{ name: what, dtype, shape },
      bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
    const pixels = storedValues((await images.data()) as Float32Array, precision);
    const ofPatient = patientTargets(study, name);
    const entries = [
      entry('images', DTYPES[precision], images.shape, pixels),
      ...(labels ? [entry('labels', 'I32', labels.shape, Int32Array.from(await labels.data()))] : []),
      entry('patient_labels', 'I32', [ofPatient.length], Int32Array.from(ofPatient)),
    ];
    const bytes = safetensorsFile(entries);
    await writeFileAtomic(path.join(out, file), bytes);
    tf.dispose([images, labels ?? []]);
    patients.push({ name, side, file, slices: slices.length, sha256: hashOf(bytes) });
    line.show(i + 1, sides.length);
  }
  line.end();
  await opened.close();

  const settings = { labels: study.labels, preprocessing, precision };
  const record = {
    format: 'ct-multilabel-shards',
    formatVersion: 1,
    ...settings,
    settings: hashOf(JSON.stringify([settings, patients])),
    patients,
  };
  await writeFileAtomic(index, `${JSON.stringify(record, null, 1)}\n`);
  const of = (side: string) => {
    const there = patients.filter((patient) => patient.side === side);
    return { patients: there.length, slices: there.reduce((sum, { slices }) => sum + slices, 0) };
  };
  const counts = { train: of('train'), validation: of('validation'), test: of('test') };
  const texts = Object.entries(counts).map(([side, n]) => `${n.patients} ${side} (${n.slices} slices)`);
  console.log(`${out}: ${precision}, patients: ${texts.join(', ')}`);
  return { folder: out, precision, ...counts };
}

const hashOf = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
