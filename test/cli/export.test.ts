import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { readSafetensors } from '../../src/interop/safetensors';
import { torchStateDict } from '../../src/interop/torch_state_dict';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { command } from '../support/command';
import { expectClose } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';
import { onnxTexts, runOnnx } from '../support/onnx';

describe('export', { timeout: 120_000 }, () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const model = buildCtBrainModel({ variant: 'recommended', backbone: tinyBackbone(), seed: 1 });
  const thresholds = [0.1, 0.2, 0.3, 0.4, 0.5];
  const calibration = {
    method: 'temperature' as const,
    scale: [2, 1, 1, 1, 0.5],
    offset: [0, 0, 0, 0, 0],
  };
  const exported = (...args: string[]) => command('export', '--checkpoint', at('checkpoint'), ...args);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    const preprocessing = createPreprocessing({ imageSize: [16, 16] });
    await saveCheckpoint(at('checkpoint'), model, {
      labels: CT_LABELS,
      preprocessing,
      thresholds,
      calibration,
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('writes an ONNX file that onnxruntime runs, with what the checkpoint says', async () => {
    const { code, stdout, stderr } = await exported('--out', at('model.onnx'), '--lengths');
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).toMatch(/model\.onnx: onnx, float32, \d\.\d MiB\n$/);
    const bytes = new Uint8Array(await readFile(at('model.onnx')));
    const { metadata } = onnxTexts(bytes);
    expect(JSON.parse(metadata['thresholds']!)).toEqual(thresholds);
    expect(JSON.parse(metadata['labels']!)).toEqual(CT_LABELS);
    const images = tf.randomUniform([1, 3, 16, 16, 1], 0, 1, 'float32', 1);
    const { logits, probabilities } = await runOnnx('onnxruntime-node', bytes, images, [3]);
    const expected = model.predict(images) as tf.Tensor;
    expectClose(logits, expected, 1e-4);
    expectClose(probabilities, tf.sigmoid(tf.mul(expected, calibration.scale)), 1e-4);
  });

  it('writes weights for PyTorch, in half the bytes', async () => {
    const args = ['--format', 'safetensors', '--precision', 'float16'];
    const { code, stderr } = await exported(...args, '--out', at('half.safetensors'));
    expect(`${code} ${stderr}`).toBe('0 ');
    const state = torchStateDict(model);
    const read = readSafetensors(await readFile(at('half.safetensors')));
    expect(Object.keys(read).sort()).toEqual(Object.keys(state).sort());
    for (const [name, tensor] of Object.entries(read)) expectClose(tensor, state[name]!, 2 ** -11, name);
    const weights = Object.values(state).reduce((sum, { size }) => sum + size, 0);
    expect((await stat(at('half.safetensors'))).size).toBeLessThan(2.5 * weights);
  });

  it('refuses lengths for a file of weights, and a folder without a checkpoint', async () => {
    const wrong = await exported('--format', 'safetensors', '--lengths', '--out', at('never'));
    expect(`${wrong.code} ${wrong.stderr}`).toMatch(/^1 .*--lengths: expected --format onnx/);
    const none = await command('export', '--checkpoint', at('nowhere'), '--out', at('never'));
    expect(none.code).toBe(1);
    await expect(stat(at('never'))).rejects.toThrow(/ENOENT/);
  });
});
