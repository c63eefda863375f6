/**
 * An epoch of training in PyTorch on one process and on two, each on one thread: SqueezeNet on 64x64, four patients per step.
 *
 *   npx tsx bench/torch_scaling.bench.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildCtBrainModel, createPreprocessing } from 'ct-multilabel';
import { saveCheckpoint, useBackend, writePhantomStudy } from 'ct-multilabel/node';
import { runCommand } from '../src/cli/run_command';
import { LAUNCHER, python, pythonEnvironment } from '../test/support/torch_twin';
import { report, skip } from './compare';

if (python === undefined) skip('training in PyTorch', 'not on this machine');
else await measure(python);

async function measure(program: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'scaling-'));
  const at = (name: string) => path.join(folder, name);
  try {
    await useBackend('wasm');
    await writePhantomStudy(at('data'), { patients: 16, slices: 16, size: 64, seed: 1 });
    const preprocessing = createPreprocessing({ imageSize: [64, 64] });
    const options = {
      variant: 'recommended',
      backbone: 'squeezenet1_1',
      inputShape: [64, 64, 1],
      seed: 1,
    } as const;
    const model = buildCtBrainModel({ ...options, inputShape: [64, 64, 1] });
    const description = { labels: ['ich', 'ivh', 'sah', 'sdh', 'edh'], preprocessing, model: { ...options } };
    await saveCheckpoint(at('checkpoint'), model, description);
    await runCommand(['prepare', '--data', at('data'), '--image-size', '64', '--out', at('shards')]);
    await runCommand([
      'export',
      '--checkpoint',
      at('checkpoint'),
      '--format',
      'safetensors',
      '--out',
      at('weights'),
    ]);

    const seconds = (processes: number, epochs: number) => {
      const args = [
        ...[...(processes > 1 ? LAUNCHER : []), '-m', 'ct_multilabel_torch.train', '--shards', at('shards')],
        ...[
          '--model',
          path.join(at('checkpoint'), 'model.json'),
          '--weights',
          at('weights'),
          '--batch-size',
          '4',
        ],
        ...['--out', at(`run-${processes}-${epochs}`), '--epochs', String(epochs)],
      ];
      const start = performance.now();
      execFileSync(program, args, { env: pythonEnvironment() });
      return (performance.now() - start) / 1000;
    };
    // without the start, and long enough for its variation to be negligible
    const epoch = (processes: number) => (seconds(processes, 12) - seconds(processes, 2)) / 10;
    const [one, two] = [epoch(1), epoch(2)];
    report({ what: 'an epoch in PyTorch, one process', value: `${one.toFixed(2)} s` });
    report({
      what: 'the same, two processes',
      value: `${two.toFixed(2)} s, ${(one / two).toFixed(2)} times as fast`,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
