import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.join(root, 'docs/decisions');
const pages = readdirSync(folder).filter((file) => file !== 'README.md');
const PARTS = ['Question', 'What we do', 'Why', 'What it costs', 'When to change our mind'];

describe('docs/decisions', () => {
  it('lists every page, by its title', () => {
    const index = readFileSync(path.join(folder, 'README.md'), 'utf8');
    const listed = [...index.matchAll(/^- \[(.*)\]\((.*)\)$/gm)].map(([, title, file]) => [file, title]);
    const titles = pages.map((file) => [
      file,
      /^# (.*)\n/.exec(readFileSync(path.join(folder, file), 'utf8'))?.[1],
    ]);
    expect(listed.sort()).toEqual(titles.sort());
  });

  it.each(pages)('%s has its parts, and names what is there', (file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    expect(PARTS.filter((part) => !text.includes(`**${part}.**`))).toEqual([]);
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => path.join(folder, link!));
    const files = [...text.matchAll(/`((?:src|test|scripts|docs)\/[\w/.]+)`/g)].map(([, name]) =>
      path.join(root, name!),
    );
    expect([...links, ...files].filter((name) => !existsSync(name))).toEqual([]);
  });
});
