import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { exampleModules, referencePages } from './example_modules';
import { pageText } from './markdown';
import { makeSandbox, typeErrors } from './sandbox';

describe('the reference', () => {
  const pages = referencePages().filter((page) => /\/(functions|classes)\/\w+\.md$/.test(page));

  it('shows an example of every function and class', () => {
    expect(pages.length).toBeGreaterThan(150);
    expect(pages.filter((page) => !/^#+ Example/m.test(pageText(page)))).toEqual([]);
  });

  it('has the types that its examples need', { timeout: 120_000 }, async () => {
    const modules = exampleModules();
    expect(modules.length).toBeGreaterThanOrEqual(pages.length);
    const sandbox = await makeSandbox(modules);
    try {
      expect(await typeErrors(sandbox)).toBe('');
    } finally {
      await rm(sandbox.folder, { recursive: true, force: true });
    }
  });
});
