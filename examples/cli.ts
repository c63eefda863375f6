/** Command line options of the examples: one table gives the parser, the defaults and `--help`. */
import { parseArgs } from 'node:util';
import { RSNA_LABELS } from 'ct-multilabel';
import type { DicomProblemKind } from 'ct-multilabel/node';

export interface Option {
  /** What follows the name in `--help`, e.g. `DIR`; a switch has none. */
  value?: string;
  /** Default, as it would be typed. */
  default?: string;
  help: string;
  required?: boolean;
  /** Whether it may be given more than once, see {@link Values.all}. */
  multiple?: boolean;
}

export interface Values {
  text(name: string): string;
  optional(name: string): string | undefined;
  /** Every value of an option that may be given more than once. */
  all(name: string): string[];
  integer(name: string): number;
  number(name: string): number;
  /** A switch, on with `--name`, off with `--no-name`. */
  on(name: string): boolean;
}

/** Parses the command line; prints help or what is wrong, and ends the process, where there is nothing to run. */
export function readCommandLine(usage: string, options: Record<string, Option>): Values {
  const fail = (message: string): never => {
    console.error(`${message}\nSee --help.`);
    process.exit(2);
  };
  const spec: Record<string, { type: 'string' | 'boolean'; multiple?: boolean }> = {
    help: { type: 'boolean' },
  };
  for (const [name, { value, multiple = false }] of Object.entries(options)) {
    spec[name] = { type: value ? 'string' : 'boolean', multiple };
    if (!value) spec[`no-${name}`] = { type: 'boolean' };
  }
  let given: Record<string, string | boolean | (string | boolean)[] | undefined> = {};
  try {
    given = parseArgs({ options: spec }).values;
  } catch (error) {
    fail((error as Error).message);
  }
  if (given['help']) {
    console.log(helpText(usage, options));
    process.exit(0);
  }
  for (const [name, { required }] of Object.entries(options)) {
    if (required && given[name] === undefined) fail(`--${name} is needed.`);
  }
  const raw = (name: string) => (given[name] as string | undefined) ?? options[name]?.default;
  const parse = (name: string, ok: (n: number) => boolean, what: string): number => {
    const number = Number(raw(name));
    return raw(name) !== '' && ok(number)
      ? number
      : fail(`--${name}: expected ${what}, received '${raw(name)}'.`);
  };
  return {
    text: (name) => raw(name) ?? fail(`--${name} is needed.`),
    optional: (name) => raw(name),
    all: (name) => (given[name] as string[] | undefined) ?? [],
    integer: (name) => parse(name, (n) => Number.isInteger(n) && n >= 0, 'a whole number'),
    number: (name) => parse(name, (n) => Number.isFinite(n) && n >= 0, 'a number'),
    on: (name) =>
      given[`no-${name}`] ? false : ((given[name] as boolean | undefined) ?? options[name]?.default === 'on'),
  };
}

/**
 * Runs an example: an error that the library explains is printed as one line, any other with its stack. Where nobody reads on, as after
 * `| head`, it ends quietly.
 */
export async function main(run: () => Promise<void>): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  const { CtMultilabelError } = await import('ct-multilabel');
  try {
    await run();
  } catch (error) {
    console.error(error instanceof CtMultilabelError ? `${error.name}: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Names of labels, as typed. */
export const labelNames = (text: string): readonly string[] =>
  text === 'rsna' ? RSNA_LABELS : text.split(',');

/** The option that lets DICOM with errors pass. */
export const ALLOW: Option = {
  value: 'KINDS',
  help: 'kinds of DICOM error that do not stop, as messages name them, separated by commas',
};

/** What is given with {@link ALLOW}, for `openStudy`. */
export const allowed = (kinds: string | undefined): { allow?: DicomProblemKind[] } =>
  kinds === undefined ? {} : { allow: kinds.split(',') as DicomProblemKind[] };

/** How far a walk has come, on one line of the terminal; without a terminal, nothing. */
export function progressLine(what: string): { show: (done: number, total: number) => void; end: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => undefined, end: () => undefined };
  return {
    show: (done, total) => void stderr.write(`\r${what}: ${done} of ${total}`),
    end: () => void stderr.write('\r\x1b[K'),
  };
}

/** Columns of text, numbers to the right; a dash where there is no number. */
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

function helpText(usage: string, options: Record<string, Option>): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const flag = option.value ? `--${name} ${option.value}` : `--${name} / --no-${name}`;
    const note = option.required
      ? ' (needed)'
      : option.default !== undefined
        ? ` (default ${option.default})`
        : '';
    return [flag, option.help + note] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [`Usage: ${usage}`, '', ...rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`)].join(
    '\n',
  );
}
