import { afterEach, describe, expect, it, vi } from 'vitest';
import { printEstimate } from '../../src/cli/estimate';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { resolveRecipe } from '../../src/training/recipes/recipes';
import { expectNoLeakAsync } from '../support/matchers';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../support/memory_source';

afterEach(() => vi.restoreAllMocks());

describe('printEstimate', () => {
  const slices = memorySource({ patients: ['p', 'q', 'r'], slices: 3 });
  const split = { train: ['p', 'q'], validation: ['r'], test: [] };
  const bytes = { memoryBudget: 2 ** 28, cache: 0, valueBytes: 4 };

  it.each([
    ['slices', slices],
    ['patient', slices],
    ['patient', onlyPatientLabels(slices)],
  ] as const)('says what a model of %s will take, whatever has the labels', async (output, source) => {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const built = { variant: 'VGG16', backbone: tinyBackbone(), labels: slices.labels, seed: 1 } as const;
    const model = buildCtBrainModel({ ...built, output });
    await printEstimate(model, source, split, resolveRecipe({}), bytes);
    const text = lines.join('\n');
    expect(text).toMatch(/stage +maximum hours/);
    expect(text).toMatch(/all +\d+\.\d\d/);
    await expectNoLeakAsync(() => printEstimate(model, source, split, resolveRecipe({}), bytes));
  });
});
