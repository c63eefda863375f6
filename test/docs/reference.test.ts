import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { exampleModules, referencePages } from './example_modules';
import { pageText } from './markdown';
import { makeSandbox, typeErrors } from './sandbox';

describe('the reference', () => {
  /** The part of each function and class, by its name. */
  const parts = referencePages().flatMap((page) =>
    pageText(page)
      .split(/^## /m)
      .filter((section) => /^(Functions|Classes)\n/.test(section))
      .flatMap((section) => section.split(/^### /m).slice(1)),
  );

  it('shows an example of every function and class', () => {
    expect(parts.length).toBeGreaterThan(100);
    const without = parts.filter((part) => !/^#+ Example/m.test(part));
    expect(without.map((part) => part.split('\n')[0])).toEqual([]);
  });

  it('has the types that its examples need', { timeout: 120_000 }, async () => {
    const modules = exampleModules();
    expect(modules.length).toBeGreaterThanOrEqual(parts.length);
    const sandbox = await makeSandbox(modules);
    try {
      expect(await typeErrors(sandbox)).toBe('');
    } finally {
      await rm(sandbox.folder, { recursive: true, force: true });
    }
  });
});
