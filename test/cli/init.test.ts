import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { command, COMMANDS } from '../support/command';
import { temporaryFolder } from '../support/folder';
import { VERSION } from '../../src/version';

describe('init', { timeout: 120_000 }, () => {
  it('writes a project, with the package at its version or from a file', async () => {
    const folder = path.join(await temporaryFolder(), 'My study');
    const { code, stdout } = await command('init', folder);
    expect(`${code} ${stdout}`).toBe(
      `0 ${folder}: package.json, tsconfig.json, .gitignore, train.ts, README.md\nnext: cd "${folder}" && npm install && npm start\n`,
    );
    const project = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
      name: string;
      dependencies: Record<string, string>;
    };
    expect(project.name).toBe('my-study');
    expect(project.dependencies['ct-multilabel']).toBe(`^${VERSION}`);
    expect(await readdir(path.dirname(folder))).toEqual(['My study']); // no draft is left

    const other = path.join(path.dirname(folder), 'other');
    await mkdir(other); // an empty folder will do
    const tarball = path.join(path.dirname(folder), 'ct.tgz');
    expect((await command('init', other, '--package', tarball)).code).toBe(0);
    expect(await readFile(path.join(other, 'package.json'), 'utf8')).toContain('"file:../ct.tgz"');
  });

  it('writes into the folder that one is in, and takes the package from an address', async () => {
    const folder = path.join(await temporaryFolder(), 'here');
    await mkdir(folder);
    const address = 'https://example.org/ct-multilabel-0.2.0.tgz';
    const args = [COMMANDS, 'init', '.', '--package', address];
    await promisify(execFile)(process.execPath, args, { cwd: folder });
    expect((await readdir(folder)).sort()).toEqual(['.gitignore', 'README.md', 'package.json', 'train.ts', 'tsconfig.json']); // prettier-ignore
    const project = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as object;
    expect(project).toMatchObject({ name: 'here', dependencies: { 'ct-multilabel': address } });
    expect(await readdir(path.dirname(folder))).toEqual(['here']); // no draft is left
  });

  it('leaves a folder that holds something as it is', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'mine.txt'), 'mine');
    const { code, stderr } = await command('init', folder);
    expect(`${code} ${stderr}`).toBe(
      `1 ArgumentError: init: expected a new or empty folder, received '${folder}', which contains mine.txt\n`,
    );
    expect(await readdir(folder)).toEqual(['mine.txt']);
    const file = path.join(folder, 'mine.txt');
    expect((await command('init', file)).stderr).toMatch(
      /^ArgumentError: init: expected a new or empty folder, received .*ENOTDIR/,
    );
    expect((await command('init')).stderr).toMatch(/^error: missing required argument 'folder'/);
  });
});
