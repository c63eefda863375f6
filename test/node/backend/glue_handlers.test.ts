import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { withoutGlueHandlers } from '../../../src/node/backend/glue_handlers';
import { temporaryFolder } from '../../support/folder';

/** What Emscripten puts on the process, as it is and minified. */
const GLUE: [event: string, source: string][] = [
  ['uncaughtException', 'function(ex){if(!(ex instanceof ExitStatus)){throw ex}}'],
  ['uncaughtException', 'function (ex) { if (!(ex instanceof ExitStatus)) {\n throw ex;\n } }'],
  ['unhandledRejection', 'function(reason){throw reason}'],
  ['unhandledRejection', 'function (r) { throw r; }'],
];

describe('withoutGlueHandlers', () => {
  it('takes away what is loaded, and nothing of anybody else', async () => {
    const before = (event: string) => process.listeners(event as 'uncaughtException').length;
    const counts = GLUE.map(([event]) => before(event));
    const mine = () => undefined;
    onTestFinished(() => void process.removeListener('unhandledRejection', mine));
    const loaded = await withoutGlueHandlers(async () => {
      for (const [event, source] of GLUE) {
        process.on(event, new Function(`return ${source}`)() as () => void);
      }
      process.on('unhandledRejection', mine);
      return 7;
    });
    expect(loaded).toBe(7);
    expect(process.listeners('unhandledRejection')).toContain(mine);
    process.removeListener('unhandledRejection', mine);
    expect(GLUE.map(([event]) => before(event))).toEqual(counts);
  });
});

it('shows the message of an error that nobody caught, and no line of other code, on the wasm backend', async () => {
  const folder = await temporaryFolder();
  const program = path.join(folder, 'program.mts');
  const backend = path.resolve('src/node/backend/backend');
  await writeFile(
    program,
    `import { useBackend } from ${JSON.stringify(backend)};
    await useBackend('wasm', { threads: 1 });
    setTimeout(() => void Promise.reject(new Error('the message')), 1);`,
  );
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('Error: the message');
  expect(stderr).not.toContain('throw ex');
  expect(stderr).not.toContain('tfjs-backend-wasm');
  expect(Math.max(...stderr.split('\n').map((line) => line.length))).toBeLessThan(300);
});
