import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const at = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

interface Step {
  name: string;
  command: string[];
  environment?: Record<string, string>;
  fix: string;
}

/** Runs steps as `npm run check` does, or with `all` as CI does. */
function runSteps(steps: Step[], all: boolean) {
  const program = `
    import { runSteps } from ${JSON.stringify(at('scripts/run_steps.mjs'))};
    process.exitCode = runSteps(${JSON.stringify(steps)}, { all: ${all} }) ? 0 : 1;
  `;
  const { status, stdout, stderr } = spawnSync('node', ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const step = (name: string, code: string, ...args: string[]): Step => ({
  name,
  command: ['node', '-e', code, ...args],
  fix: `npm run ${name} shows it`,
});
const good = step('good', 'console.log("well")');
const bad = step('bad', 'process.exit(3)');
const tests = step(
  'tests',
  `require('fs').writeFileSync(process.argv[1].split('=')[1], '{"numPassedTests":40,"numFailedTests":2}'); process.exit(1)`,
  'report=$TESTS',
);

describe('npm run check', () => {
  it('stops at the first step that fails, and says what to do', () => {
    const { status, stdout, stderr } = runSteps([good, bad, step('later', '')], false);
    expect(status).toBe(1);
    expect(stdout).toMatch(/=== good\nwell\n=== good: passed in \d+ s\n/);
    expect(stdout).toMatch(/=== bad: FAILED after/);
    expect(stdout).not.toContain('later');
    expect(stderr).toContain("The step 'bad' failed; the steps after it did not run. npm run bad shows it.");
  });

  it('passes when every step does', () => {
    const { status, stdout } = runSteps([good, good], false);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Every step passed\.\n$/);
  });

  it('fails on a program that is not there', () => {
    const { status, stderr } = runSteps([{ ...good, command: ['no-such-program'] }], false);
    expect(status).toBe(1);
    expect(stderr).toContain('no-such-program');
  });
});

describe('.ci/run', () => {
  it('goes on after a failure, and counts steps and tests in its last line', () => {
    const { status, stdout } = runSteps([bad, tests, good], true);
    expect(status).toBe(1);
    expect(stdout).toMatch(/\n41 passed, 4 failed\n$/);
    expect(runSteps([good], true)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\n1 passed, 0 failed\n$/),
    });
  });

  it('gives a step the environment that it asks for', () => {
    const asks = {
      ...step('asks', `process.exit(process.env.WANTED === 'yes' ? 0 : 1)`),
      environment: { WANTED: 'yes' },
    };
    expect(runSteps([asks], true).status).toBe(0);
  });

  it('gives the steps one folder to hand files on in, and removes it', () => {
    const write = step(
      'write',
      `require('fs').mkdirSync(process.argv[1]); console.log('made ' + process.argv[1])`,
      '$DEMO',
    );
    const read = step('read', `require('fs').readdirSync(process.argv[1])`, '$DEMO');
    const { status, stdout } = runSteps([write, read], true);
    expect(status).toBe(0);
    const [, folder] = /made (.*)/.exec(stdout)!;
    expect(() => readFileSync(folder!)).toThrow('ENOENT');
  });

  it('is the same list as npm run check', () => {
    const { scripts } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['check']).toBe('node scripts/check.mjs');
    expect(readFileSync(at('.ci/run'), 'utf8')).toMatch(/npm ci[^]*\nexec node scripts\/check\.mjs --all/);
  });

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const list = `
      import { LONG_STEPS, STEPS } from ${JSON.stringify(at('scripts/check_steps.mjs'))};
      console.log(JSON.stringify([...STEPS, ...LONG_STEPS]));
    `;
    const { stdout } = spawnSync('node', ['--input-type=module', '-e', list], { encoding: 'utf8' });
    const steps = JSON.parse(stdout) as Step[];
    expect(steps.length).toBeGreaterThan(5);
    for (const { command, fix } of steps) {
      const asked = [...`${command.join(' ')} ${fix}`.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(
        ([, name]) => name!,
      );
      for (const name of asked) expect(scripts).toHaveProperty([name]);
    }
  });
});
