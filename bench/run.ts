/**
 * Runs the benches on Node 24, one after the other, stores the results of each in results/results.json as soon as it has ended, and
 * inserts the figures into the pages that quote them. If a bench fails or cannot measure here, the older table is kept, with its date.
 *
 *   npm run bench
 *   npm run bench -- --only browser,study     # only these files
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure } from './results/measure';
import { writePages } from './results/pages';
import { BENCHES, keepTable } from './results/tables';

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
const names = only?.split(',').map((name) => `${name}.bench.ts`);
const unknown = names?.filter((name) => !BENCHES.some(([, file]) => file === name)) ?? [];
if (unknown.length > 0) throw new Error(`no bench is called ${unknown.join(', ')}`);

const versions = '../scripts/package/node_versions.mjs';
const { nodeVersion } = (await import(versions)) as {
  nodeVersion(major: number): Promise<{ node?: string; why?: string }>;
};
const { node, why } = await nodeVersion(24);
if (node === undefined) throw new Error(why);

const failed: string[] = [];
for (const [title, file, ...args] of BENCHES) {
  if (names?.includes(file) === false) continue;
  console.log(`\n== ${title}`);
  const start = performance.now();
  try {
    const table = measure(node, fileURLToPath(new URL(file, import.meta.url)), args);
    if (table === undefined) continue;
    await keepTable(title, table);
    await writePages();
    console.log(`   took ${((performance.now() - start) / 1000).toFixed(0)} s`);
  } catch (error) {
    // its failure must not end hours of other benches
    failed.push(`${title} (${path.basename(file)}): ${(error as Error).message}`);
    console.error(failed.at(-1));
  }
}
if (failed.length > 0) throw new Error(`benches that failed:\n${failed.join('\n')}`);
