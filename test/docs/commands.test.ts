import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseArgs } from '../../src/cli/command_line';
import { COMMANDS } from '../../src/cli/run_command';
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

describe('shell commands in the README and the guide', () => {
  const ours = commands.filter(({ words }) => words[0] === 'npx' && words[1] === 'ct-multilabel');

  it.each(ours)('$from: its options exist', async ({ from, words }) => {
    const { default: spec } = await COMMANDS[words[2]!]!.load();
    const used = words.slice(3);
    // every word is an option, or the value of one
    expect(() => parseArgs('', spec, used, ''), from).not.toThrow();
  });

  it('names files, scripts and programs that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const { from, words } of commands) {
      const [program, what, third] = words;
      if (program === 'npx') {
        expect(['tsx', 'ct-multilabel'], from).toContain(what);
        if (what === 'tsx') expect(existsSync(path.join(ROOT, third!)), from).toBe(true);
      } else if (program === 'node') {
        // what the reader is told to write: a snippet of the same page
        expect(pageText(from.split(':')[0]!), from).toContain(`\`${what}\` `);
      } else if (program === 'pip') {
        expect(existsSync(path.join(ROOT, third!, 'pyproject.toml')), from).toBe(true);
      } else if (program === 'python3' || program === 'torchrun') {
        const [module, ...rest] = words.slice(words.indexOf('-m') + 1);
        const source = readFileSync(path.join(ROOT, 'torch', `${module!.replaceAll('.', '/')}.py`), 'utf8');
        for (const word of rest.filter((one) => one.startsWith('--'))) {
          expect(source, from).toContain(`add_argument("${word}"`);
        }
      } else {
        expect(program, from).toBe('npm');
        expect(['ci', 'test', 'install', 'run', 'init', 'pkg'], from).toContain(what);
        if (what === 'run') expect(Object.keys(scripts), from).toContain(third);
      }
    }
    expect(ours.length).toBeGreaterThan(5);
  });
});
