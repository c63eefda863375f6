import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (file: string) => readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8');

/** Code without what the formatter decides: paths of another length break lines elsewhere. */
const unformatted = (code: string) => code.replace(/\s+/g, '').replace(/,([})\]])/g, '$1');

/** The file as it would stand in the room that the guide puts it in. */
const inItsRoom = (code: string) =>
  code
    .replaceAll("'../../../src/layers/", "'./")
    .replaceAll("'../../../src/", "'../")
    .replaceAll("'./slice_dropout'", "'../../src/layers/slice_dropout'")
    .replaceAll("'../../support/", "'../support/");

describe('CONTRIBUTING.md', () => {
  const guide = read('../../CONTRIBUTING.md');
  // a fence may be longer than three, where the code has a fence in a comment
  const blocks = [...guide.matchAll(/^(`{3,})ts\n([^]*?)^\1$/gm)].map(([, , code]) => unformatted(code!));

  it.each(['slice_dropout.ts', 'slice_dropout.test.ts'])('shows %s as the tests run it', (file) => {
    expect(blocks).toContain(unformatted(inItsRoom(read(`contributing_example/${file}`))));
  });

  it('names commands and files that exist', () => {
    const { scripts } = JSON.parse(read('../../package.json')) as { scripts: Record<string, string> };
    const commands = [...guide.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(commands.length).toBeGreaterThan(5);
    for (const name of commands) expect(scripts).toHaveProperty([name]);
    const files = [...guide.matchAll(/`((?:src|test|scripts)\/[\w/.]+\.\w+)`/g)].map(([, file]) => file!);
    const example = (file: string) => file.includes('slice_dropout');
    for (const file of files.filter((name) => !example(name)))
      expect(() => read(`../../${file}`)).not.toThrow();
  });
});
