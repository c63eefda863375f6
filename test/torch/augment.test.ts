import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { applyAugmentation } from '../../src/transforms/random_augment';
import { temporaryFolder } from '../support/folder';
import { expectClose } from '../support/matchers';
import { python, runPython } from '../support/torch_twin';

const PROGRAM = `
import json, sys
from ct_multilabel_torch.augment import RANGES, apply_augmentation, draw_augmentation
from ct_multilabel_torch.safetensors import read_safetensors, write_safetensors
folder, draws = sys.argv[1], json.loads(sys.argv[2])
images = read_safetensors(folder + "/images.safetensors")
write_safetensors(folder + "/out.safetensors", {f"{name} {i}": apply_augmentation(x, d) for name, x in images.items() for i, d in enumerate(draws)})
drawn = [draw_augmentation({"rotation": 15, "verticalFlip": 0}, f"1 2 p{i}") for i in range(500)]
assert drawn[3] == draw_augmentation({"rotation": 15, "verticalFlip": 0}, "1 2 p3") != drawn[4]
ends = {name: [min(d[name] for d in drawn), max(d[name] for d in drawn)] for name in drawn[0]}
try:
    draw_augmentation({"rotations": 15}, "")
except ValueError as error:
    print(json.dumps([RANGES, ends, str(error)]))
`;

describe.skipIf(python === undefined)('augmentation in PyTorch (skipped without PyTorch)', () => {
  it(
    'gives the pixels of a draw that TypeScript gives, from the same ranges',
    { timeout: 120_000 },
    async () => {
      const none = {
        horizontalFlip: false,
        verticalFlip: false,
        angle: 0,
        scale: 1,
        brightness: 1,
        contrast: 1,
        fill: 0,
      };
      const draws = [
        none,
        { ...none, horizontalFlip: true },
        { ...none, verticalFlip: true, brightness: 1.2, contrast: 0.8 },
        { ...none, angle: 33, scale: 0.8, fill: 0.25 },
        { ...none, horizontalFlip: true, angle: -150, scale: 1.3, brightness: 0.9, contrast: 1.2 },
        { ...none, horizontalFlip: true, verticalFlip: true, angle: 10, scale: 0.95, fill: 1 },
      ];
      const images = {
        gray: tf.randomUniform([2, 12, 17, 1], 0, 1, 'float32', 1) as tf.Tensor4D,
        windows: tf.randomUniform([2, 9, 8, 3], 0, 1, 'float32', 2) as tf.Tensor4D,
        neighbors: tf.randomUniform([1, 6, 6, 5], 0, 1, 'float32', 3) as tf.Tensor4D,
      };
      const folder = await temporaryFolder({ 'images.safetensors': await writeSafetensors(images) });
      await writeFile(path.join(folder, 'program.py'), PROGRAM);
      const text = await runPython(path.join(folder, 'program.py'), folder, JSON.stringify(draws));
      const out = readSafetensors(await readFile(path.join(folder, 'out.safetensors')));
      for (const [name, stack] of Object.entries(images)) {
        draws.forEach((draw, i) =>
          expectClose(out[`${name} ${i}`]!, applyAugmentation(stack, draw), 1e-5, `${name} ${i}`),
        );
      }

      const [ranges, ends, message] = JSON.parse(text) as [
        Record<string, unknown>,
        Record<string, number[]>,
        string,
      ];
      expect(ranges).toEqual({
        horizontalFlip: 0.5,
        verticalFlip: 0.5,
        rotation: 180,
        scale: [0.8, 1.4],
        brightness: 0.2,
        contrast: 0.2,
        fill: 0,
      });
      expect(ends).toMatchObject({
        horizontalFlip: [false, true],
        verticalFlip: [false, false],
        fill: [0, 0],
      });
      for (const [name, low, high] of [
        ['angle', -15, 15],
        ['scale', 0.8, 1.4],
        ['brightness', 0.8, 1.2],
        ['contrast', 0.8, 1.2],
      ] as const) {
        // prettier-ignore
        const [least, most] = ends[name] as [number, number];
        expect(least).toBeGreaterThanOrEqual(low);
        expect(most).toBeLessThanOrEqual(high);
        expect(most - least).toBeGreaterThan(0.9 * (high - low));
      }
      expect(message).toMatch(/expected horizontalFlip, .*received rotations/);
    },
  );
});
