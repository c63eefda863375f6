import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { guidePages, linksOf, pageText, ROOT } from './markdown';

/** Anchors that a page's headings have on GitHub. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

describe('links in the README and the guide', () => {
  it.each(guidePages())('of %s lead somewhere', (page) => {
    for (const address of linksOf(pageText(page)).filter((link) => !link.startsWith('https:'))) {
      const [file = '', anchor] = address.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      expect(existsSync(path.join(ROOT, target)), address).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(pageText(target)), address).toContain(anchor);
    }
  });

  it('reach every page of the guide from its index', () => {
    const listed = linksOf(pageText('docs/guide/README.md')).map((link) => `docs/guide/${link}`);
    const pages = guidePages().filter((page) => page !== 'README.md' && page !== 'docs/guide/README.md');
    expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
  });
});
