// Runs what a change must pass: the steps of check_steps.mjs.
//
//   node scripts/check.mjs           up to the first step that fails (npm run check)
//   node scripts/check.mjs --all     all of them, with a count of steps and tests at the end (.ci/run)
import { fileURLToPath } from 'node:url';
import { STEPS } from './check_steps.mjs';
import { runSteps } from './run_steps.mjs';

const options = process.argv.slice(2);
if (options.some((option) => option !== '--all')) {
  console.error('Usage: node scripts/check.mjs [--all]');
  process.exit(2);
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = runSteps(STEPS, { all: options.includes('--all') }) ? 0 : 1;
