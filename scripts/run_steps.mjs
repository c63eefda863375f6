import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Runs the steps of check_steps.mjs one after another; their output goes to the terminal.
 *
 * @param steps `{ name, command, environment, fix }`, the environment added to this process's. In a command `$DEMO` is a new folder, the same for all steps, and `$TESTS` a file that a test
 * runner writes its report to, in vitest's JSON form.
 * @param options.all Goes on after a step that failed, and ends with the line `N passed, N failed`: every step counts one, and every
 * test of the report one more. Otherwise stops, and says how to see or fix what is wrong.
 * @returns Whether every step passed.
 */
export function runSteps(steps, { all }) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-check-'));
  const places = { $DEMO: path.join(scratch, 'demo'), $TESTS: path.join(scratch, 'tests.json') };
  const count = { passed: 0, failed: 0 };
  try {
    for (const { name, command, environment, fix } of steps) {
      console.log(`\n=== ${name}`);
      const start = Date.now();
      const [program, ...args] = command.map((part) =>
        part.replace(/\$[A-Z]+/, (place) => places[place] ?? place),
      );
      const { status, error } = spawnSync(program, args, {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...environment },
      });
      if (error) console.error(error.message);
      const ok = status === 0;
      count[ok ? 'passed' : 'failed'] += 1;
      const seconds = Math.round((Date.now() - start) / 1000);
      console.log(`=== ${name}: ${ok ? 'passed in' : 'FAILED after'} ${seconds} s`);
      if (!ok && !all) {
        console.error(`\nThe step '${name}' failed; the steps after it did not run. ${fix}.`);
        return false;
      }
    }
    const tests = testCounts(places.$TESTS);
    count.passed += tests.passed;
    count.failed += tests.failed;
    console.log(all ? `\n${count.passed} passed, ${count.failed} failed` : '\nEvery step passed.');
    return count.failed === 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The contents of the report; empty if there were no tests, or they ended before writing one. */
function testCounts(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0 };
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
  return { passed: numPassedTests, failed: numFailedTests };
}
