/** Command line options: one table defines the parser, its types, the defaults and `--help`. */
import { Command, CommanderError, Option as CommanderOption } from 'commander';
import type { Rule } from '../base/options';

/** An option of a command. One with `value` takes a value; one without is a switch, off with `--no-name`. */
export interface Option {
  /** Placeholder of the value in `--help`: `N` and `MiB` are integers, `X` is a number, anything else is text. */
  value?: string;
  /** The numbers accepted, if not all from 0 on. */
  rule?: Pick<Rule<number>, 'check'>;
  /** Reads the text; throws an ArgumentError if it is invalid. `what` names the option. */
  parse?: (text: string, what: string) => unknown;
  /** The only values accepted. */
  choices?: readonly string[];
  /** For a switch: whether it is on. */
  default?: string | number | boolean;
  help: string;
  required?: true;
  /** An input that may not be given twice, as other commands allow: the first would be ignored silently. */
  once?: true;
  /** A required option that may be given more than once; its value is a list. */
  multiple?: true;
}

export type Options = Readonly<Record<string, Option>>;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

type Given<O extends Option> = O extends { value: 'N' | 'MiB' | 'X' }
  ? number
  : O extends { parse: (text: string, what: string) => infer Value }
    ? Value
    : O extends { choices: readonly (infer Choice)[] }
      ? Choice
      : O extends { multiple: true }
        ? string[]
        : string;

type ValueOf<O extends Option> = O extends { value: string }
  ? O extends { required: true } | { default: unknown }
    ? Given<O>
    : Given<O> | undefined
  : boolean;

/** Values given on the command line, or defaults, by the options' names in camel case. */
export type Args<O extends Options> = { [K in keyof O & string as CamelCase<K>]: ValueOf<O[K]> };

/** A command: its options and implementation. */
export interface CommandSpec<O extends Options = Options> {
  /** Example command lines, without the program's name. */
  examples?: readonly string[];
  options: O;
  /** Positional argument, read as `args[name]`. */
  argument?: { name: keyof O & string };
  /** Describes the result of `run`; with it, the command has `--json`. */
  json?: string;
  /**
   * Returns what `--json` prints.
   *
   * @param json - Whether `--json` was given.
   */
  run(args: Args<O>, json: boolean): Promise<unknown>;
  /** Message after Ctrl-C. */
  interrupted?(args: Args<O>): string;
}

/** A command with any options. */
export interface AnyCommand {
  examples?: readonly string[];
  options: Options;
  argument?: { name: string };
  json?: string;
  run(args: never, json: boolean): Promise<unknown>;
  interrupted?(args: never): string;
}

/** A command's table, with the types of its options. */
export const command = <const O extends Options>(spec: CommandSpec<O>): CommandSpec<O> => spec;

/** Part of an options table that several commands share. */
export const options = <const O extends Options>(table: O): O => table;

/**
 * Parses a command line.
 *
 * @param program - The command as typed, e.g. `ct-multilabel train`.
 * @param summary - What it does, in one sentence.
 * @throws CommanderError after printing the help or the error.
 */
export function parseArgs(
  program: string,
  spec: AnyCommand,
  argv: readonly string[],
  summary: string,
): { args: never; debug: boolean; json: boolean } {
  const { argument, json: result } = spec;
  const parser = new Command(program)
    .description(summary)
    .usage(argument ? `[options] <${argument.name}>` : '[options]')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('See --help.')
    .configureHelp({ optionTerm: termOf })
    .option('--debug', 'print the stack trace of an error');
  if (result) parser.option('--json', `print ${result} as JSON, and everything else to standard error`);
  const given = new Set<string>();
  for (const [name, option] of Object.entries(spec.options)) {
    if (name === argument?.name) {
      parser.argument(`<${name}>`, option.help);
      continue;
    }
    addOption(parser, name, option);
    if (!option.once) continue;
    parser.on(`option:${name}`, () => {
      if (given.has(name))
        parser.error(`error: option '--${name} <${option.value}>' takes one value, and was given twice`);
      given.add(name);
    });
  }
  const lines = (spec.examples ?? []).map((line) => `  ${program} ${line}`);
  if (lines.length > 0) parser.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  parser.parse([...argv], { from: 'user' });
  // checked after unknown options: a misspelt name is the likelier cause
  const missing = parser.options.find(
    (option) =>
      spec.options[option.name()]?.required && parser.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing) parser.error(`error: required option '${missing.flags}' not specified`);
  const switches = Object.keys(spec.options).filter((name) => spec.options[name]!.value === undefined);
  const off = Object.fromEntries(
    switches.map((name) => [new CommanderOption(`--${name}`).attributeName(), false]),
  );
  const typed = parser.opts<{ debug?: boolean; json?: boolean }>();
  const { debug = false, json = false, ...named } = { ...off, ...typed };
  // the types that `command` derived from the table
  const args = { ...named, ...(argument && { [argument.name]: parser.args[0] }) } as never;
  return { args, debug, json };
}

/** Whether parsing ended because there is nothing to run: help was requested, or the command line is invalid. */
export const isUsage = (error: unknown): error is CommanderError => error instanceof CommanderError;

function addOption(parser: Command, name: string, option: Option): void {
  const { value, help, choices, multiple, default: absent } = option;
  if (value === undefined) {
    parser.addOption(new CommanderOption(`--${name}`, help).default(option.default, 'on'));
    parser.addOption(new CommanderOption(`--no-${name}`).hideHelp());
    return;
  }
  const own = new CommanderOption(`--${name} <${value}>`, option.required ? `${help} (required)` : help);
  if (choices) own.choices(choices);
  else if (multiple) own.argParser((text: string, before: string[] = []) => [...before, text]);
  else own.argParser((text) => valueOf(parser, name, option, text));
  if (absent !== undefined) {
    own.default(
      typeof absent === 'string' && !choices ? valueOf(parser, name, option, absent) : absent,
      String(absent),
    );
  }
  parser.addOption(own);
}

/** The value of an option, so that an invalid one is refused before a command starts. */
function valueOf(parser: Command, name: string, { value, rule, parse }: Option, text: string): unknown {
  try {
    if (parse) return parse(text, `--${name}`);
    if (value !== 'N' && value !== 'MiB' && value !== 'X') return text;
    const number = numberIn(text);
    if (rule) rule.check(number ?? text, `--${name}`);
    else if (number === undefined || number < 0 || (value !== 'X' && !Number.isInteger(number))) {
      const expected = `${value === 'X' ? 'a number' : 'an integer'} of at least 0`;
      parser.error(`error: --${name}: expected ${expected}, received '${text}'`);
    }
    return number;
  } catch (error) {
    // by name: its class would load TensorFlow.js for `--help`
    if (error instanceof Error && error.name === 'ArgumentError') parser.error(`error: ${error.message}`);
    throw error;
  }
}

/** The number that a text is, if it is one. */
export function numberIn(text: string): number | undefined {
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : undefined;
}

/** Lists a switch once, together with the form that turns it off. */
const termOf = (option: CommanderOption): string =>
  option.isBoolean() && !['--debug', '--json', '--help'].includes(option.long!)
    ? `${option.flags}, --no-${option.long!.slice(2)}`
    : option.flags;
