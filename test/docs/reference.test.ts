import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './markdown';

describe('the reference', () => {
  const api = path.join(ROOT, 'docs/api');
  const pages = readdirSync(api, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\b(functions|classes)[\\/]\w+\.md$/.test(file),
  );

  it('shows an example of every function and class', () => {
    expect(pages.length).toBeGreaterThan(150);
    const without = pages.filter((page) => !/^#+ Example/m.test(readFileSync(path.join(api, page), 'utf8')));
    expect(without).toEqual([]);
  });
});
