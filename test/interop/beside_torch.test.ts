import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../src/interop/safetensors';
import { torchStateDict } from '../../src/interop/torch_state_dict';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { modelParts } from '../../src/models/model_parts';
import { runHead } from '../../src/models/run_parts';
import { expectClose } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';
import { python } from '../support/torch_twin';

describe('a whole model in PyTorch', () => {
  it.skipIf(python === undefined)(
    'fills nn.GRU, nn.LSTM and nn.Linear by their own names, with the same logits (skipped without PyTorch)',
    async () => {
      const model = buildCtBrainModel({ variant: 'recommended', backbone: tinyBackbone(), seed: 4 });
      const parts = modelParts(model);
      const width = (parts.perSlice.output as tf.SymbolicTensor).shape.at(-1)!;
      const x = tf.randomNormal([2, 6, width], 0, 1, 'float32', 5);
      const folder = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-'));
      try {
        const files = { model: torchStateDict(model), features: { x } };
        for (const [name, tensors] of Object.entries(files)) {
          writeFileSync(path.join(folder, `${name}.safetensors`), await writeSafetensors(tensors));
        }
        const script = fileURLToPath(new URL('beside_torch.py', import.meta.url));
        const out = execFileSync(python!, [script, folder], { encoding: 'utf8' });
        expectClose(runHead(model, parts, x, { training: false }), JSON.parse(out) as number[], 1e-5);
        expect(width % 2).toBe(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
