import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const source = (file: string) => fileURLToPath(new URL(`../src/${file}`, import.meta.url));

const resolve = (file: string, from: string) => `${path.resolve(path.dirname(file), from)}.ts`;

/** Every name a file exports, types too, once for each time it does. */
function exportedNames(file: string): string[] {
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022);
  const own = statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    return [...declared].map(
      (declaration) => ((declaration as ts.DeclarationStatement).name as ts.Identifier).text,
    );
  });
  const again = statements.filter(ts.isExportDeclaration).flatMap(({ exportClause, moduleSpecifier }) => {
    // `export * from`, or `export { … } from`
    if (!exportClause) return exportedNames(resolve(file, (moduleSpecifier as ts.StringLiteral).text));
    return ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name.text) : [];
  });
  return [...own, ...again];
}

/** The files reached from one by imports of any kind, type imports and `import()` too, and the packages they name. */
function importGraph(start: string): { files: string[]; packages: string[] } {
  const files = new Set([start]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const { fileName: from } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true)
      .importedFiles) {
      if (from.startsWith('.')) files.add(resolve(file, from));
      else packages.add(from);
    }
  }
  return { files: [...files], packages: [...packages].sort() };
}

describe('ct-multilabel', () => {
  it('runs in a browser: imports tfjs and nothing else, no backend, nothing of Node', () => {
    const { files, packages } = importGraph(source('index.ts'));
    // the writer of ONNX's format comes with `import()`, when a model is exported
    const lazy = importGraph(source('interop/onnx/model_file.ts'));
    expect(lazy.packages).toEqual(['@bufbuild/protobuf/wire', '@tensorflow/tfjs']);
    const loading = readFileSync(source('interop/export_onnx.ts'), 'utf8');
    expect(loading).toContain("await import('./onnx/model_file')");
    const importers = files.filter((file) =>
      /from '[^']*onnx\/|from '@bufbuild/.test(readFileSync(file, 'utf8')),
    );
    expect(importers).toEqual([source('interop/onnx/messages.ts')]);
    // a backend comes with `import()`, when it is asked for
    const backends = ['@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-webgpu'];
    const imports = files.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => /import\b.*tfjs-backend/.test(line) && !line.startsWith(' * '))
        .map((line) => [file, line.includes('await import(')]),
    );
    expect(imports).toEqual(backends.map(() => [source('backends/use_browser_backend.ts'), true]));
    expect(packages).toEqual(['@bufbuild/protobuf/wire', '@tensorflow/tfjs', ...backends]);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => file.startsWith(source('node')))).toEqual([]);
  });
});

describe('ct-multilabel/dicom', () => {
  it('runs in a browser: imports decoders, nothing of Node', () => {
    const { files, packages } = importGraph(source('dicom/index.ts'));
    expect(packages.filter((name) => name.startsWith('node:') || name === 'sharp')).toEqual([]);
    expect(files.filter((file) => file.startsWith(source('node')))).toEqual([]);
  });
});

/** A script in JavaScript. */
const SURFACE = '../scripts/surface.mjs';

describe('all entries', () => {
  it('export no name twice', () => {
    const names = [...exportedNames(source('index.ts')), ...exportedNames(source('node.ts'))];
    expect(names.length).toBeGreaterThan(150);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('are what docs/surface.txt says, which reviews compare', { timeout: 120_000 }, async () => {
    const { surface } = (await import(SURFACE)) as {
      surface: () => { text: string; names: number };
    };
    const { text, names } = surface();
    expect(text).toBe(readFileSync('docs/surface.txt', 'utf8'));
    expect(names).toBeLessThanOrEqual(210);
  });
});
