// One model through all formats: two epochs in TypeScript, two more in PyTorch in two processes, back to TypeScript, and to ONNX. After
// each step the probabilities of held-out patients must be those of the step before.
//
//   npx tsx scripts/check_story.ts [folder to keep everything in]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { loadTorchWeights, predictPatients, readSafetensors, subset } from '../src/index';
import { loadCheckpoint, openStudy, saveCheckpoint, useBackend, writePhantomStudy } from '../src/node';
import { runCommand } from '../src/cli/run_command';
import { runOnnx } from '../test/support/onnx';
import { LAUNCHER, python, runPython } from '../test/support/torch_twin';

/** Tolerance between two steps, far below the change by training. */
const TOLERANCE = 1e-4;

/** Probabilities of all prepared patients in one list. */
const PREDICT = `
import json, sys, torch
from pathlib import Path
from ct_multilabel_torch import load_model
from ct_multilabel_torch.train import Shards
shards, model = Shards(Path(sys.argv[1])), load_model(sys.argv[2], sys.argv[3])
with torch.no_grad():
    stacks = [model(shards.load(patient, False)[0]) for patient in shards.side("validation")]
print(json.dumps([p for logits in stacks for p in torch.sigmoid(logits).flatten().tolist()]))
`;

if (python === undefined) console.log('skipped: there is no python3 with PyTorch');
else await tell();

async function tell(): Promise<void> {
  const [kept] = process.argv.slice(2);
  const folder = kept ?? (await mkdtemp(path.join(tmpdir(), 'ct-multilabel-story-')));
  const at = (...parts: string[]) => path.join(folder, ...parts);
  try {
    await writePhantomStudy(at('data'), { patients: 20, slices: 8, size: 48, seed: 3 });
    const settings = [
      '--data',
      at('data'),
      '--image-size',
      '32',
      '--seed',
      '2',
      '--validation-fraction',
      '0.3',
    ];
    const stages = ['--pretrain-epochs', '0', '--warm-up-epochs', '0', '--epochs', '2', '--lr', '1e-3'];
    const model = ['--variant', 'recommended', '--backbone', 'smallCnn', '--backend', 'wasm'];
    await run('train', ...settings, ...model, ...stages, '--out', at('first'));
    const first = await predicted(at('first'));

    await run('prepare', ...settings, '--out', at('shards'));
    await run(
      'export',
      '--checkpoint',
      at('first'),
      '--format',
      'safetensors',
      '--out',
      at('first.safetensors'),
    );
    same('TypeScript, and PyTorch with its weights', first, await predictedThere(at('first.safetensors')));

    const training = ['-m', 'ct_multilabel_torch.train', '--shards', at('shards'), '--out', at('torch')];
    const start = ['--model', at('first', 'best', 'model.json'), '--weights', at('first.safetensors')];
    const options = ['--epochs', '2', '--lr', '1e-3', '--batch-size', '4', '--augment', '{"rotation": 15}'];
    console.log(await runPython(...LAUNCHER, ...training, ...start, ...options));
    const there = await predictedThere(at('torch', 'last.safetensors'));
    const moved = apart(first, there);
    if (moved < 100 * TOLERANCE)
      throw new Error(`PyTorch trained nothing: it moved no probability by more than ${moved}`);

    const { model: back, manifest } = await loadCheckpoint(at('first'));
    const { fresh } = loadTorchWeights(
      back,
      readSafetensors(await readFile(at('torch', 'last.safetensors'))),
    );
    if (fresh.length > 0) throw new Error(`weights that did not come back: ${fresh.join(', ')}`);
    await saveCheckpoint(at('back'), back, { ...manifest, calibration: undefined });
    same('PyTorch after its epochs, and TypeScript with those weights', there, await predicted(at('back')));

    await run('export', '--checkpoint', at('back'), '--out', at('back.onnx'));
    for (const runtime of ['onnxruntime-node', 'onnxruntime-web'] as const) {
      same(`TypeScript, and ${runtime}`, there, await predictedByOnnx(runtime));
    }
    console.log(
      `PyTorch's epochs moved a probability by up to ${moved.toFixed(3)}; every stop is within ${TOLERANCE} of the one before`,
    );
  } finally {
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  }

  /** The validation patients in the order of the shards. */
  async function patients(): Promise<string[]> {
    const index = JSON.parse(await readFile(at('shards', 'index.json'), 'utf8')) as {
      patients: { name: string; side: string }[];
    };
    return index.patients.filter(({ side }) => side === 'validation').map(({ name }) => name);
  }

  async function predictedThere(weights: string): Promise<number[]> {
    const text = await runPython('-c', PREDICT, at('shards'), at('first', 'best', 'model.json'), weights);
    return JSON.parse(text) as number[];
  }

  async function predicted(checkpoint: string): Promise<number[]> {
    await useBackend('wasm');
    const { model, manifest } = await loadCheckpoint(checkpoint);
    const study = await openStudy(at('data'), {
      preprocessing: manifest.preprocessing,
      labels: manifest.labels,
    });
    const { split } = JSON.parse(await readFile(at('first', 'config.json'), 'utf8')) as {
      split: { validation: string[] };
    };
    const found: number[] = [];
    for await (const slices of predictPatients(model, subset(study, split.validation))) {
      found.push(...slices.flatMap(({ probabilities }) => probabilities));
    }
    model.dispose();
    return found;
  }

  async function predictedByOnnx(runtime: 'onnxruntime-node' | 'onnxruntime-web'): Promise<number[]> {
    const { manifest } = await loadCheckpoint(at('back'));
    const study = await openStudy(at('data'), {
      preprocessing: manifest.preprocessing,
      labels: manifest.labels,
    });
    const file = await readFile(at('back.onnx'));
    const found: number[] = [];
    for (const patient of await patients()) {
      const { images } = await study.load(patient);
      const { logits } = await runOnnx(runtime, file, tf.expandDims(images));
      found.push(...tf.sigmoid(logits).dataSync());
    }
    return found;
  }
}

/** Runs a command as typed in a shell. */
async function run(...args: string[]): Promise<void> {
  await runCommand(args);
  // 3: so short a training may not beat the trivial predictors, which does not matter here
  const code = process.exitCode ?? 0;
  process.exitCode = 0;
  if (code !== 0 && code !== 3) throw new Error(`ct-multilabel ${args.join(' ')} ended with ${code}`);
}

function apart(one: readonly number[], other: readonly number[]): number {
  if (one.length === 0 || one.length !== other.length) {
    throw new Error(`expected as many probabilities, found ${one.length} and ${other.length}`);
  }
  return Math.max(...one.map((value, i) => Math.abs(value - other[i]!)));
}

function same(what: string, one: readonly number[], other: readonly number[]): void {
  const most = apart(one, other);
  console.log(`${what}: ${one.length} probabilities, at most ${most.toExponential(1)} apart`);
  if (!(most <= TOLERANCE)) throw new Error(`${what}: expected at most ${TOLERANCE} apart, found ${most}`);
}
