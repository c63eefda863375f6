import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { command as ct, COMMANDS } from '../support/command';
import { temporaryFolder } from '../support/folder';

/** Packages that a file has loaded before it runs: by imports of values, its own and those of what it imports. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(file)) return packages;
  seen.add(file);
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022);
  for (const statement of statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const types = ts.isImportDeclaration(statement)
      ? statement.importClause?.isTypeOnly
      : statement.isTypeOnly;
    if (types || !statement.moduleSpecifier) continue;
    const from = (statement.moduleSpecifier as ts.StringLiteral).text;
    if (!from.startsWith('.')) packages.add(from);
    else loadedBy(path.resolve(path.dirname(file), `${from}.ts`), seen).forEach((name) => packages.add(name));
  }
  return packages;
}

describe('ct-multilabel', { timeout: 120_000 }, () => {
  it('has help at once: nothing but the parser is loaded for it', () => {
    expect([...loadedBy('src/cli/main.ts')]).toEqual(['commander']);
    expect(loadedBy('src/cli/commands/predict.ts')).toContain('@tensorflow/tfjs'); // it does see imports
  });

  it('lists its commands, says its version, and suggests what a misspelt one may be', async () => {
    const help = await ct('--help');
    expect(`${help.code} ${help.stderr}`).toBe('0 ');
    for (const name of [
      'demo',
      'inspect',
      'train',
      'evaluate',
      'predict',
      'explain',
      'calibrate',
      'prepare',
      'export',
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect((await ct('--version')).stdout.trim()).toBe(version);
    const wrong = await ct('predcit');
    expect(`${wrong.code} ${wrong.stderr}`).toMatch(
      /^2 error: unknown command 'predcit'\n\(Did you mean predict\?\)/,
    );
  });

  it('explains an error in one line, and with --debug says where it came from', async () => {
    const { code, stderr } = await ct('inspect', '--data', 'no/such/folder');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^DataError: [^\n]*no\/such\/folder[^\n]*\n$/);
    const debug = await ct('inspect', '--data', 'no/such/folder', '--debug');
    expect(debug.stderr).toMatch(/DataError[^]*\n +at /);
  });

  it('stopped with Ctrl-C says how to go on, and exits with 130', async () => {
    const out = path.join(await temporaryFolder(), 'demo');
    const child = spawn(process.execPath, [COMMANDS, 'demo', '--out', out, '--patients', '400']);
    let [stdout, stderr] = ['', ''];
    child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
    child.stdout.on('data', (text: Buffer) => {
      stdout += String(text);
      if (stdout.includes('backend')) child.kill('SIGINT'); // it makes its study now
    });
    const code = await new Promise((done) => child.on('close', done));
    expect(`${code} ${stderr}`).toBe('130 \nstopped: the same command starts from the beginning\n');
  });
});
