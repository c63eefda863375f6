import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as main from '../../src/index';
import * as node from '../../src/node';
import { codeBlocks, pageText, ROOT } from './markdown';
import type { SnippetModule } from './snippet_modules';

/** What examples take as given: a reader has them, or something like them. */
const GIVEN = `import * as tf from '@tensorflow/tfjs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
declare const given: <T>() => T;
type Source = import('ct-multilabel').PatientSource<import('ct-multilabel').CtLabels>;
const model = given<import('ct-multilabel').CtBrainModel<any>>();
const [backbone, optimizer] = [given<tf.LayersModel>(), given<tf.Optimizer>()];
const study = given<Source & { groupOf(scan: string): string }>();
const [source, train, validation, test] = given<[Source, Source, Source, Source]>();
const preprocessing = given<import('ct-multilabel').CtPreprocessing>();
const manifest = given<import('ct-multilabel').CheckpointManifest>();
const predictions = given<import('ct-multilabel').SlicePrediction[]>();
const [folds, split] = [given<any>(), given<any>()];
const stratifyBy = given<(patient: string) => number[]>();
const thresholds = given<number[]>();
const run = given<import('ct-multilabel').RunStore>();
const description = given<import('ct-multilabel').CheckpointDescription>();
const withoutLayer4 = given<Uint8Array>();
const [images, maps, bytes, text] = [given<tf.Tensor4D>(), given<tf.Tensor3D>(), given<Uint8Array>(), given<string>()];`;

/** Numbers that may be tensors or rows, and what is anyone's own. */
const ANY = 'yTrue probabilities logits labels patients x mask batches options rows'.split(' ');

/** The reference's examples, each as a module that imports what it names of the library. */
export function exampleModules(): SnippetModule[] {
  return referencePages().flatMap((page) =>
    examplesOf(pageText(page)).map(({ code, line }) => {
      const imports = [...code.matchAll(/^import .*$/gm)].map(([text]) => text);
      const body = code.replace(/^import .*$/gm, '');
      // in a block, where what the example declares itself comes before what is given
      const any = ANY.map((name) => `const ${name} = given<any>();`);
      const lines = [...importsFor(body), ...imports, GIVEN, ...any, '{', body, '}', 'export {};', ''];
      return { page: page.replaceAll('/', '.'), line, code: lines.join('\n'), setups: [] };
    }),
  );
}

/** Pages of the generated reference, as paths in the repository. */
export function referencePages(): string[] {
  return readdirSync(path.join(ROOT, 'docs/api'), { recursive: true, encoding: 'utf8' })
    .filter((page) => page.endsWith('.md'))
    .map((page) => `docs/api/${page.replaceAll('\\', '/')}`)
    .sort();
}

/** Blocks of the sections that are examples. */
function examplesOf(text: string): { code: string; line: number }[] {
  const sections = [...text.matchAll(/^#+ Example[^\n]*\n([\s\S]*?)(?=^#|$(?![\s\S]))/gm)];
  return sections.flatMap(({ 0: section, index }) => {
    const before = text.slice(0, index).split('\n').length - 1;
    return codeBlocks(section).map(({ code, line }) => ({ code, line: before + line }));
  });
}

/** Types of each entry, as the report of all public names lists them. */
const TYPES = new Map<string, string[]>();
for (const section of pageText('docs/surface.txt').split(/^# /m).slice(1)) {
  const entry = section.startsWith('ct-multilabel/node') ? 'ct-multilabel/node' : 'ct-multilabel';
  if (/^ct-multilabel\/(dicom|cli)/.test(section)) continue;
  const names = [...section.matchAll(/^(?:interface|type) (\w+)/gm)].map(([, name]) => `type ${name}`);
  TYPES.set(entry, [...(TYPES.get(entry) ?? []), ...names]);
}

const ENTRIES = { 'ct-multilabel': main, 'ct-multilabel/node': node };

/** Imports of the library's names that a text has. */
function importsFor(text: string): string[] {
  return Object.entries(ENTRIES).map(([entry, values]) => {
    const types = TYPES.get(entry) ?? [];
    const names = [...Object.keys(values), ...types].filter((name) =>
      new RegExp(`(?<![\\w'])(?<!(?<!\\.\\.)\\.)${name.replace('type ', '')}\\b(?!')`).test(text),
    );
    return `import { ${names.join(', ')} } from '${entry}';`;
  });
}
