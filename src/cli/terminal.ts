/** Terminal output of a command, and how it ends. */
import { duration } from '../node/runs/duration';

/** Shows progress and remaining time on one line of the terminal; does nothing without a terminal. */
export function progressLine(what: string): { show: (done: number, total: number) => void; end: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => undefined, end: () => undefined };
  let first = { done: Infinity, at: 0 };
  return {
    show: (done, total) => {
      // a new pass begins
      if (done <= first.done) first = { done, at: Date.now() };
      const seconds = (Date.now() - first.at) / 1000;
      const left = seconds < 1 ? '' : `, ${duration((seconds / (done - first.done)) * (total - done))} left`;
      stderr.write(`\r\x1b[K${what}: ${done} of ${total}${left}`);
    },
    end: () => void stderr.write('\r\x1b[K'),
  };
}

/** A table of text columns, numbers right-aligned, missing values as a dash. */
export function textTable(header: string[], rows: (string | number | undefined)[][]): string {
  const cell = (value: string | number | undefined) =>
    typeof value === 'number' ? value.toFixed(3) : (value ?? '–');
  const cells = [header, ...rows.map((row) => row.map(cell))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  ');
  return [line(cells[0]!), widths.map((n) => '-'.repeat(n)).join('  '), ...cells.slice(1).map(line)].join(
    '\n',
  );
}

/**
 * Runs a command for a program that reads standard output: prints the result there as JSON, and everything else to
 * standard error.
 */
export async function printJson(run: () => Promise<unknown>): Promise<void> {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  try {
    const result = await run();
    // undefined becomes null, so that an undefined figure cannot be mistaken for a missing one
    const text = JSON.stringify(result, (_key, value: unknown) => value ?? null, 2);
    await new Promise((done) => write(`${text}\n`, done));
  } finally {
    stdout.write = write;
  }
}

let ending = false;

/** Ends the process quietly if its output is closed, as by `| head`. */
export function endWithTheReader(): void {
  if (ending) return;
  ending = true;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
}

/**
 * Runs a command to its end: an error of the library is printed as one line, any other with a hint at `--debug`. If its
 * output is closed it ends quietly; after Ctrl-C it restores the terminal and exits with 130.
 */
export async function runToEnd(
  run: () => Promise<unknown>,
  { debug, interrupted }: { debug: boolean; interrupted?: () => string | undefined },
): Promise<void> {
  endWithTheReader();
  process.once('SIGINT', () => {
    // a progress bar turns wrapping and the cursor off
    if (process.stderr.isTTY) process.stderr.write('\x1b[?7h\x1b[?25h');
    const hint = interrupted?.();
    console.error(hint === undefined ? '\nstopped' : `\nstopped: ${hint}`);
    process.exit(130);
  });
  try {
    await run();
  } catch (error) {
    console.error(debug ? error : await explained(error));
    process.exitCode = 1;
  }
}

async function explained(error: unknown): Promise<string> {
  // not imported above: help does not need TensorFlow.js
  const { CtMultilabelError } = await import('../base/errors');
  if (error instanceof CtMultilabelError) return `${error.name}: ${error.message}`;
  return `${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n(--debug prints the stack trace)`;
}
