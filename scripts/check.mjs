// Runs the checks that a change must pass: the steps of check_steps.mjs.
//
//   node scripts/check.mjs           up to the first step that fails (npm run check)
//   node scripts/check.mjs --all     all of them, and counts steps and tests at the end (.ci/run)
//   node scripts/check.mjs --full    the same, then the slow ones (npm run check:full)
import { fileURLToPath } from 'node:url';
import { LONG_STEPS, STEPS } from './check_steps.mjs';
import { runSteps } from './run_steps.mjs';

const options = process.argv.slice(2);
if (options.some((option) => option !== '--all' && option !== '--full')) {
  console.error('Usage: node scripts/check.mjs [--all | --full]');
  process.exit(2);
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const steps = options.includes('--full') ? [...STEPS, ...LONG_STEPS] : STEPS;
process.exitCode = runSteps(steps, { all: options.length > 0 }) ? 0 : 1;
