import { codeBlocks, guidePages, pageText } from './markdown';

/** A program made of one snippet, or of several that go on with one another. */
export interface SnippetModule {
  page: string;
  /** Line of the page where it begins. */
  line: number;
  code: string;
  /** Names of what has to be there before it runs, see `setups.ts`. */
  setups: string[];
  /** Why it is not run, where it is not. */
  skip?: string;
}

/** Small things in place of large ones, so that a snippet runs in seconds: images, a backbone for VGG16, few patients. */
const SMALLER = [
  [/\bpatients: 60\b/g, 'patients: 10'],
  [/\bepoch > 20\b/g, 'epoch > 0'], // trainings end after one
  [/\b224\b/g, '32'],
  [/(variant: '[^']+'), (inputShape:)/g, "$1, backbone: 'squeezenet1_1', $2"],
] as const;

/**
 * The TypeScript snippets of the README and the guide as programs. A comment before a snippet says how it is run:
 *
 * - `<!-- snippet: setup=study -->`: with what a setup of that name makes; several by commas
 * - `<!-- snippet: continues -->`: in one program with the snippet before it
 * - `<!-- snippet: skip REASON -->`: not at all; its types are checked all the same
 */
export function snippetModules(): SnippetModule[] {
  return guidePages().flatMap(modulesOfPage);
}

function modulesOfPage(page: string): SnippetModule[] {
  const modules: SnippetModule[] = [];
  for (const { language, code, note, line } of codeBlocks(pageText(page))) {
    if (language !== 'ts') continue;
    const [word = '', ...rest] = note.split(' ');
    const small = SMALLER.reduce((text, [large, tiny]) => text.replace(large, tiny), code);
    if (word === 'continues') {
      const last = modules.at(-1);
      if (!last) throw new Error(`${page}:${line}: there is no snippet to go on with`);
      last.code += `\n${small}`;
    } else if (word === 'skip') {
      if (rest.length === 0) throw new Error(`${page}:${line}: a skipped snippet needs a reason`);
      modules.push({ page, line, code: small, setups: [], skip: rest.join(' ') });
    } else if (word === '' || word.startsWith('setup=')) {
      const setups = word === '' ? [] : word.slice('setup='.length).split(',');
      modules.push({ page, line, code: small, setups });
    } else {
      throw new Error(`${page}:${line}: '${note}' is no note of a snippet`);
    }
  }
  return modules.map((module) => ({ ...module, code: oneImportEach(module.code) }));
}

/** Brings together what several snippets import by name from one place, since a program may do so once. */
function oneImportEach(code: string): string {
  const names = new Map<string, Set<string>>();
  const others = new Set<string>();
  const body = code.replace(/^import (?:\{([^}]*)\} from )?('[^']+');.*$|^import \* as .*$/gm, (line, list?: string, from?: string) => {
    if (list === undefined) others.add(line.replace(/;.*$/, ';'));
    else names.set(from!, new Set([...(names.get(from!) ?? []), ...list.split(',').map((name) => name.trim()).filter(Boolean)]));
    return '';
  }); // prettier-ignore
  const lists = [...names].map(([from, list]) => `import { ${[...list].join(', ')} } from ${from};`);
  // a module of its own, also where it imports nothing
  return [...others, ...lists, body.trim(), 'export {};', ''].join('\n');
}
