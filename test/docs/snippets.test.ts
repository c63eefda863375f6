import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guidePages, ROOT } from './markdown';
import { makeSandbox, typeErrors, type Sandbox } from './sandbox';
import { snippetModules } from './snippet_modules';
import type { Plan } from './snippet_program';

const run = promisify(execFile);
const tsx = path.join(ROOT, 'node_modules/tsx/dist/cli.mjs');

describe('TypeScript in the README and the guide', { timeout: 240_000 }, () => {
  const modules = snippetModules();
  const toRun = modules.filter(({ skip }) => skip === undefined);
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await makeSandbox(modules);
  });

  afterAll(() => rm(sandbox.folder, { recursive: true, force: true }));

  const pages = guidePages().filter((page) => toRun.some((module) => module.page === page));

  it.each(pages)('of %s runs', async (page) => {
    const folder = path.join(sandbox.folder, `${path.basename(page)} work`);
    await mkdir(folder);
    const plan: Plan = {
      folder,
      modules: toRun
        .filter((module) => module.page === page)
        .map((module) => ({
          file: sandbox.files.get(module)!,
          from: `${page}:${module.line}`,
          setups: module.setups,
        })),
    };
    await writeFile(`${folder}.json`, JSON.stringify(plan));
    const program = [tsx, '--tsconfig', sandbox.tsconfig, path.join(ROOT, 'test/docs/snippet_program.ts')];
    const { stdout } = await run(process.execPath, [...program, `${folder}.json`]).catch((error) => {
      throw new Error((error as { stderr: string }).stderr);
    });
    expect(stdout.match(/^ran .*/gm)).toEqual(plan.modules.map(({ from }) => `ran ${from}`));
  });

  it('is skipped for few reasons, each stated', () => {
    const skipped = modules.filter(({ skip }) => skip !== undefined);
    for (const { skip } of skipped) expect(skip).toMatch(/browser|GPU|download/);
    expect(skipped.length).toBeLessThan(toRun.length / 4);
  });

  it('has the types that it needs', async () => {
    expect(await typeErrors(sandbox)).toBe('');
  });
});
