import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Option } from '../../examples/cli';
import { codeBlocks, guidePages, pageText, ROOT } from './markdown';

/** A command that a page tells the reader to type. */
interface Command {
  from: string;
  words: string[];
}

/** Commands of a page's shell blocks, comments left out, long ones put together. */
function commandsOf(page: string): Command[] {
  return codeBlocks(pageText(page))
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code, line }) =>
      code
        .replaceAll('\\\n', ' ')
        .split(/\n|&&/)
        .map((text) => text.replace(/#.*/, '').trim())
        .filter((text) => text !== '')
        .map((text) => ({ from: `${page}:${line}: ${text}`, words: text.split(/\s+/) })),
    );
}

const commands = guidePages().flatMap(commandsOf);

vi.mock('../../examples/cli', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  // an example that is imported says what options it has, and does nothing
  readCommandLine: (_usage: string, options: Record<string, Option>) => {
    spec = options;
    return {};
  },
  main: async () => undefined,
}));

let spec: Record<string, Option> = {};

describe('shell commands in the README and the guide', () => {
  const ofExamples = commands.filter(({ words }) => words[1] === 'tsx' && words[2]!.startsWith('examples/'));

  it.each(ofExamples)('$from: its options exist', async ({ words }) => {
    vi.resetModules();
    spec = {};
    await import(path.join(ROOT, words[2]!));
    const known = Object.entries(spec).flatMap(([name, { value }]) =>
      value === undefined ? [`--${name}`, `--no-${name}`] : [`--${name}`],
    );
    expect(known.length).toBeGreaterThan(0);
    const used = words.filter((word) => word.startsWith('--'));
    expect(used.filter((option) => !known.includes(option))).toEqual([]);
  });

  it('names files, scripts and programs that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const { from, words } of commands) {
      const [program, what, third] = words;
      if (program === 'npx') {
        expect(what, from).toBe('tsx');
        expect(readFileSync(path.join(ROOT, third!), 'utf8').length, from).toBeGreaterThan(0);
      } else if (program === 'node') {
        // what the reader is told to write: a snippet of the same page
        expect(pageText(from.split(':')[0]!), from).toContain(`\`${what}\` `);
      } else {
        expect(program, from).toBe('npm');
        expect(['ci', 'test', 'install', 'run', 'init', 'pkg'], from).toContain(what);
        if (what === 'run') expect(Object.keys(scripts), from).toContain(third);
      }
    }
    expect(ofExamples.length).toBeGreaterThan(5);
  });
});
