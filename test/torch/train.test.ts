import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { useBackend } from '../../src/node/backend/backend';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { openStudy } from '../../src/node/study/open_study';
import { writePhantomStudy } from '../../src/node/study/phantom_study';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { command } from '../support/command';
import { expectClose } from '../support/matchers';
import { LAUNCHER, python, pythonEnvironment, runPython } from '../support/torch_twin';

interface Index {
  format: string;
  labels: string[];
  preprocessing: object;
  settings: string;
  patients: { name: string; side: string; file: string; slices: number }[];
}

const preprocessing = createPreprocessing({ imageSize: [32, 32] });
const options = {
  variant: 'recommended' as const,
  backbone: 'smallCnn' as const,
  inputShape: [32, 32, 1] as [number, number, number],
  labels: CT_LABELS,
  seed: 1,
};
let folder: string;
const at = (...parts: string[]) => path.join(folder, ...parts);
const prepare = (out: string, ...more: string[]) =>
  command('prepare', '--data', at('data'), '--image-size', '32', '--out', at(out), '--seed', '2', ...more);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
  await writePhantomStudy(at('data'), { patients: 9, slices: 8, size: 40, seed: 3 });
  const { code, stderr } = await prepare('shards', '--validation-fraction', '0.3');
  expect(`${code} ${stderr}`).toBe('0 ');
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('prepare', { timeout: 120_000 }, () => {
  it('writes the slices of every patient as a model sees them, their labels and sides', async () => {
    const index = JSON.parse(await readFile(at('shards', 'index.json'), 'utf8')) as Index;
    expect(index).toMatchObject({ format: 'ct-multilabel-shards', formatVersion: 1, labels: [...CT_LABELS] });
    expect(index.preprocessing).toEqual(JSON.parse(JSON.stringify(preprocessing)));
    await useBackend('wasm'); // as the command; another backend rounds in other places
    const study = await openStudy(at('data'), { preprocessing });
    expect(index.patients.map(({ name }) => name).sort()).toEqual([...study.patients].sort());
    expect(index.patients.filter(({ side }) => side === 'validation')).toHaveLength(3);
    for (const { name, file, slices } of index.patients) {
      const written = readSafetensors(await readFile(at('shards', file)));
      const { images, labels } = await study.load(name);
      expect(written['images']!.shape).toEqual([slices, 32, 32, 1]);
      expectClose(written['images']!, images, 0);
      expect(written['labels']!.arraySync()).toEqual(labels!.arraySync());
      expect(written['patient_labels']!.arraySync()).toEqual(tf.max(labels!, 0).arraySync());
    }
    expect(await readdir(at('shards'))).toHaveLength(study.patients.length + 1);
  });

  it('writes half the bytes in float16, a quarter in 8 bits, and no second time into a folder', async () => {
    const { code, stdout } = await prepare('half', '--precision', 'float16', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ precision: 'float16', train: { patients: 7, slices: 56 } });
    const { patients } = JSON.parse(await readFile(at('half', 'index.json'), 'utf8')) as Index;
    const study = await openStudy(at('data'), { preprocessing });
    const bytes = await readFile(at('half', patients[0]!.file));
    expect(bytes.length).toBeLessThan(8 * 32 * 32 * 2 + 1000);
    const { images, labels } = readSafetensors(bytes);
    expectClose(images!, (await study.load(patients[0]!.name)).images, 2 ** -11);
    expect(labels!.dtype).toBe('int32');
    const eight = await prepare('eight', '--precision', 'uint8');
    expect(`${eight.code} ${eight.stderr}`).toBe('0 ');
    const small = await readFile(at('eight', patients[0]!.file));
    expect(small.length).toBeLessThan(8 * 32 * 32 + 1000);
    const levels = readSafetensors(small)['images']!;
    expect(levels.dtype).toBe('int32'); // of U8
    expectClose(tf.div(levels, 255), (await study.load(patients[0]!.name)).images, 0.5 / 255 + 1e-6);
    const again = await prepare('half');
    expect(`${again.code} ${again.stderr}`).toMatch(/^1 .*--out: expected a new folder/);
  });

  it('writes other settings, by which a run is not resumed, where an image changed under its name', async () => {
    const settingsOf = async (out: string) => {
      const { code, stderr } = await prepare(out, '--validation-fraction', '0.3');
      expect(`${code} ${stderr}`).toBe('0 ');
      return (JSON.parse(await readFile(at(out, 'index.json'), 'utf8')) as Index).settings;
    };
    const { settings } = JSON.parse(await readFile(at('shards', 'index.json'), 'utf8')) as Index;
    expect(await settingsOf('same')).toBe(settings);
    const image = at('data', 'train', 'ID_001', '001_3.png');
    const kept = await readFile(image);
    await cp(at('data', 'train', 'ID_001', '001_4.png'), image);
    const changed = await settingsOf('changed');
    await writeFile(image, kept);
    expect(changed).not.toBe(settings);
  });
});

// processes that train take long: npm run check:full
const isFull = process.env['CT_MULTILABEL_FULL'] === '1';

describe.skipIf(python === undefined || !isFull)(
  'training in PyTorch (in check:full; skipped without PyTorch)',
  { timeout: 300_000 },
  () => {
    const model = buildCtBrainModel(options);
    const weightsOf = async (run: string, name = 'last') =>
      readSafetensors(await readFile(at(run, `${name}.safetensors`)));
    // six patients: in the second batch one of two processes has none
    const training = (run: string, ...more: string[]) => [
      ...[
        '-m',
        'ct_multilabel_torch.train',
        '--shards',
        at('shards'),
        '--model',
        at('checkpoint', 'model.json'),
      ],
      ...[
        '--weights',
        at('start.safetensors'),
        '--out',
        at(run),
        '--lr',
        '1e-3',
        '--batch-size',
        '5',
        ...more,
      ],
    ];

    beforeAll(async () => {
      await saveCheckpoint(at('checkpoint'), model, {
        labels: CT_LABELS,
        preprocessing,
        model: { ...options },
      });
      const args = [
        '--checkpoint',
        at('checkpoint'),
        '--format',
        'safetensors',
        '--out',
        at('start.safetensors'),
      ];
      const { code, stderr } = await command('export', ...args);
      expect(`${code} ${stderr}`).toBe('0 ');
      await runPython(...training('one', '--epochs', '2'));
    }, 300_000);

    it('lowers the loss, and keeps the epoch of the best validation F2', async () => {
      const lines = (await readFile(at('one', 'history.csv'), 'utf8')).trim().split(/\r?\n/);
      expect(lines[0]).toBe('epoch,loss,validation_f2,validation_threshold');
      const [first, second] = lines.slice(1).map((line) => line.split(',').map(Number)) as [
        number[],
        number[],
      ];
      expect(second[1]).toBeLessThan(first[1]!);
      const [best, last] = [await weightsOf('one', 'best'), await weightsOf('one')];
      const equal = tf.equal(
        best['classifier.weight'] ?? best['label_decoder.out.weight']!,
        last['label_decoder.out.weight']!,
      );
      expect(tf.all(equal).dataSync()[0]).toBe(second[2]! > first[2]! ? 1 : 0);
    });

    it('on two processes gives what one gives, of the same batches', async () => {
      await runPython(...LAUNCHER, ...training('two', '--epochs', '2'));
      const [one, two, start] = [
        await weightsOf('one'),
        await weightsOf('two'),
        readSafetensors(await readFile(at('start.safetensors'))),
      ];
      expect(Object.keys(two).sort()).toEqual(Object.keys(start).sort());
      for (const [name, tensor] of Object.entries(two)) expectClose(tensor, one[name]!, 1e-5, name);
      const moved = tf.max(tf.abs(tf.sub(two['backbone.conv0.weight']!, start['backbone.conv0.weight']!)));
      expect(moved.dataSync()[0]).toBeGreaterThan(1e-3);
      expectClose(two['backbone.norm0.running_mean']!, start['backbone.norm0.running_mean']!, 0);
    });

    it('goes on where it ended, bit by bit, and refuses another folder of patients', async () => {
      await runPython(...training('on', '--epochs', '1'));
      await expect(runPython(...training('on', '--epochs', '2'))).rejects.toThrow(
        /holds a run; --resume goes on/,
      );
      await runPython(...training('on', '--epochs', '2', '--resume'));
      const [one, on] = [await weightsOf('one'), await weightsOf('on')];
      for (const [name, tensor] of Object.entries(on)) expectClose(tensor, one[name]!, 0, name);
      const other = training('on', '--epochs', '3', '--resume', '--seed', '5');
      await expect(runPython(...other)).rejects.toThrow(/--resume: expected the run's settings/);
    });

    it('killed in the middle of an epoch, goes on bit by bit, augmented and in bfloat16', async () => {
      const more = ['--epochs', '2', '--batch-size', '1', '--augment', '{"rotation": 15}', '--amp'];
      const steps = ['--checkpoint-steps', '1'];
      await runPython(...training('whole', ...more));
      const killed = spawn(python!, training('killed', ...more, ...steps), { env: pythonEnvironment() });
      const ended = once(killed, 'exit');
      // six batches an epoch: the state is there after the first
      while (killed.exitCode === null && !existsSync(at('killed', 'last.pt'))) await setTimeout(5);
      killed.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(existsSync(at('killed', 'history.csv'))).toBe(false);
      await runPython(...training('killed', ...more, ...steps, '--resume'));
      const [whole, on, plain] = [
        await weightsOf('whole'),
        await weightsOf('killed'),
        await weightsOf('one'),
      ];
      for (const [name, tensor] of Object.entries(on)) expectClose(tensor, whole[name]!, 0, name);
      const name = 'backbone.conv0.weight';
      expect(tf.max(tf.abs(tf.sub(on[name]!, plain[name]!))).dataSync()[0]).toBeGreaterThan(1e-4);
      expect(await readFile(at('killed', 'history.csv'), 'utf8')).toBe(
        await readFile(at('whole', 'history.csv'), 'utf8'),
      );
      await expect(
        runPython(...training('killed', '--epochs', '3', '--batch-size', '1', '--resume')),
      ).rejects.toThrow(/--resume: expected the run's settings/);
    });

    it('ends where a value is not finite, before a weight is changed', async () => {
      await cp(at('shards'), at('bad'), { recursive: true });
      const { patients } = JSON.parse(await readFile(at('bad', 'index.json'), 'utf8')) as Index;
      const spoil = async (side: string) => {
        const { file, name } = patients.find((patient) => patient.side === side)!;
        const bytes = await readFile(at('bad', file));
        const header = Number(bytes.readBigUInt64LE(0));
        const { images } = JSON.parse(bytes.toString('utf8', 8, 8 + header)) as {
          images: { data_offsets: [number, number] };
        };
        bytes.writeFloatLE(NaN, 8 + header + images.data_offsets[0] + 400);
        await writeFile(at('bad', file), bytes);
        return name;
      };
      for (const [side, what] of [
        ['validation', 'output'],
        ['train', 'loss'],
      ] as const) {
        const name = await spoil(side);
        const run = training(`spoilt-${side}`, '--epochs', '1', '--shards', at('bad'), '--batch-size', '1');
        await expect(runPython(...run)).rejects.toThrow(`epoch 1: the ${what} is not finite, on ${name};`);
        expect(existsSync(at(`spoilt-${side}`, 'last.safetensors'))).toBe(false);
      }
    });

    it('comes back to TypeScript with the same logits', async () => {
      await useBackend('wasm');
      const images = tf.randomUniform([1, 6, 32, 32, 1], 0, 1, 'float32', 3);
      const place = at('back', '0');
      await mkdir(place, { recursive: true });
      await cp(at('checkpoint', 'model.json'), path.join(place, 'model.json'));
      await cp(at('one', 'last.safetensors'), path.join(place, 'weights.safetensors'));
      const stack = await writeSafetensors({ images, labels: tf.zeros([1, 6, 5]) });
      await writeFile(path.join(place, 'stack.safetensors'), stack);
      await runPython(fileURLToPath(new URL('forward.py', import.meta.url)), at('back'));
      const { logits } = readSafetensors(await readFile(path.join(place, 'out.safetensors')));
      const before = model.predict(images) as tf.Tensor;
      expect(tf.max(tf.abs(tf.sub(before, logits!))).dataSync()[0]).toBeGreaterThan(1e-2);
      expect(loadTorchWeights(model, await weightsOf('one')).fresh).toEqual([]);
      expectClose(model.predict(images) as tf.Tensor, logits!, 1e-4);
    });
  },
);
