/**
 * Inserts the figures of results.json where pages quote them, between `<!-- bench: NAME -->` and `<!-- /bench -->`. `NAME` is one of
 * {@link FIGURES}, or `table TITLE` for a whole table.
 *
 *   npm run bench:pages     # after a change of a page's words or of figures.ts; npm run bench does it too
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FIGURES } from './figures';
import { pretty, readResults, tableText, type Results } from './tables';

const MARK = /<!-- bench: (.+?) -->([\s\S]*?)<!-- \/bench -->/g;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The README and the pages in `docs/` except the API reference, as absolute paths. */
export function pages(): string[] {
  const folders = ['docs', 'docs/guide', 'docs/decisions'];
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder)).map((name) => `${folder}/${name}`),
  );
  return ['README.md', ...files.filter((file) => file.endsWith('.md'))].map((file) => path.join(ROOT, file));
}

/** Names in a page's marks. */
export const marksOf = (text: string): string[] => [...text.matchAll(MARK)].map(([, name]) => name!);

/** A page with its figures removed. */
export const withoutFigures = (text: string): string => text.replace(MARK, '');

/**
 * A page with these results inserted.
 *
 * @throws Error for an unknown name, or a figure that the results lack.
 */
export function filled(text: string, results: Results): string {
  return text.replace(MARK, (_, name: string) => {
    const [, title] = /^table (.*)/.exec(name) ?? [];
    const figure = FIGURES[name];
    if (title === undefined && figure === undefined) throw new Error(`no figure is called "${name}"`);
    const value = title === undefined ? figure!(results) : tableText(results[title]);
    const space = title !== undefined || value.startsWith('- ') || value.includes('\n') ? '\n\n' : '';
    return `<!-- bench: ${name} -->${space}${value}${space}<!-- /bench -->`;
  });
}

export async function writePages(): Promise<void> {
  const results = readResults();
  for (const page of pages()) {
    const text = readFileSync(page, 'utf8');
    if (marksOf(text).length === 0) continue;
    const fresh = await pretty(filled(text, results), page);
    if (fresh !== text) writeFileSync(page, fresh);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writePages();
