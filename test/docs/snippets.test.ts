import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guidePages, ROOT } from './markdown';
import { makeSandbox, typeErrors, type Sandbox } from './sandbox';
import { snippetModules, type SnippetModule } from './snippet_modules';
import type { Plan } from './snippet_program';

const run = promisify(execFile);
const tsx = path.join(ROOT, 'node_modules/tsx/dist/cli.mjs');

describe('TypeScript in the README and the guide', { timeout: 240_000 }, () => {
  const modules = snippetModules();
  const toRun = modules.filter(({ skip }) => skip === undefined);
  const pages = guidePages().filter((page) => toRun.some((module) => module.page === page));
  const ofPage = (page: string) => toRun.filter((module) => module.page === page);
  const from = ({ page, line }: SnippetModule) => `${page}:${line}`;
  let sandbox: Sandbox;
  let output: { stdout: string; stderr: string };

  beforeAll(async () => {
    sandbox = await makeSandbox(modules);
    const plans: Plan[] = pages.map((page) => ({
      folder: path.join(sandbox.folder, `${path.basename(page)} work`),
      modules: ofPage(page).map((module) => ({
        ...{ file: sandbox.files.get(module)!, from: from(module), setups: module.setups },
      })),
    }));
    for (const { folder } of plans) await mkdir(folder);
    const file = path.join(sandbox.folder, 'plans.json');
    await writeFile(file, JSON.stringify(plans));
    const program = [tsx, '--tsconfig', sandbox.tsconfig, path.join(ROOT, 'test/docs/snippet_program.ts')];
    output = await run(process.execPath, [...program, file]).catch((error) => error as typeof output);
  }, 600_000);

  afterAll(() => rm(sandbox.folder, { recursive: true, force: true }));

  it.each(pages)('of %s runs', (page) => {
    const ran: string[] = output.stdout.match(/^ran .*/gm) ?? [];
    const missing = ofPage(page).filter((module) => !ran.includes(`ran ${from(module)}`));
    expect(missing.map(from), output.stderr).toEqual([]);
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
