/**
 * Runs the snippets of the pages, those of a page one after the other in one working folder, up to the first that fails:
 *
 *   tsx snippet_program.ts PLANS.json
 *
 * All of them run in one process, since to start one takes longer than most snippets do.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { useBackend } from '../../src/node';
import { SETUPS } from './setups';

/** What is to be run of a page. */
export interface Plan {
  folder: string;
  modules: { file: string; from: string; setups: string[] }[];
}

const plans = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Plan[];
for (const { folder, modules } of plans) {
  process.chdir(folder);
  for (const { file, from, setups } of modules) {
    try {
      await useBackend('wasm');
      for (const name of setups) {
        const setUp = SETUPS[name];
        if (!setUp) throw new Error(`there is no setup '${name}'`);
        await setUp();
      }
      await import(pathToFileURL(file).href);
    } catch (error) {
      console.error(`${from}:`, error);
      break;
    }
    console.log(`ran ${from}`);
  }
}
