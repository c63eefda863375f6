import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a page. */
export interface CodeBlock {
  /** What stands behind the fence: `ts`, `sh`. */
  language: string;
  code: string;
  /** Line of its first line in the page, from 1. */
  line: number;
  /** The words of a `<!-- snippet: … -->` that stands before it. */
  note: string;
}

/** The README and every page of the guide, as paths in the repository. */
export function guidePages(): string[] {
  const pages = readdirSync(path.join(ROOT, 'docs/guide')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...pages.sort().map((name) => `docs/guide/${name}`)];
}

/** The text of a page. */
export const pageText = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');

/** The blocks of a page's text, in order. */
export function codeBlocks(text: string): CodeBlock[] {
  const fence = /(?:<!-- snippet: ([^>]*?) -->\s*)?^```(\w+)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(fence)].map((match) => {
    const [whole, note = '', language = '', code = ''] = match;
    const start = match.index + whole.indexOf(code, whole.indexOf('```'));
    return { language, code, note, line: text.slice(0, start).split('\n').length };
  });
}

/** Addresses of a page's links and pictures. */
export function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, address]) => address!);
}
