/**
 * Runs the snippets of one page, one after the other in one process and one working folder:
 *
 *   tsx snippet_program.ts PLAN.json
 *
 * and ends with an error at the first that fails.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { useBackend } from '../../src/node';
import { SETUPS } from './setups';

/** What is to be run. */
export interface Plan {
  folder: string;
  modules: { file: string; from: string; setups: string[] }[];
}

const { folder, modules } = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Plan;
process.chdir(folder);
for (const { file, from, setups } of modules) {
  await useBackend('wasm');
  try {
    for (const name of setups) {
      const setUp = SETUPS[name];
      if (!setUp) throw new Error(`there is no setup '${name}'`);
      await setUp();
    }
    await import(pathToFileURL(file).href);
  } catch (error) {
    console.error(`${from}:`, error);
    process.exit(1);
  }
  console.log(`ran ${from}`);
}
