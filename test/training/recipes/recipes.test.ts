import { describe, expect, it } from 'vitest';
import { RECIPES, resolveRecipe } from '../../../src/training/recipes/recipes';

describe('resolveRecipe', () => {
  it.each(['default', 'poster'] as const)(
    'gives recipe %s as it is: nothing of another gets into it',
    (name) => {
      expect(resolveRecipe(RECIPES[name])).toEqual(RECIPES[name]);
    },
  );

  it("takes a stage's other settings from the default, and leaves out a stage without epochs", () => {
    const { pretrain, warmUp, patients } = resolveRecipe({
      pretrain: { epochs: 0 },
      patients: { epochs: 9 },
    });
    expect(pretrain).toBe(false);
    expect(warmUp).toEqual(RECIPES.default.warmUp);
    expect(patients).toEqual({ ...RECIPES.default.patients, epochs: 9 });
  });
});
