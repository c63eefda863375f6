import { command, isUsage, parseArgs, type Args, type Options } from '../src/cli/command_line';

/** Parses the process's own command line; ends the process if there is nothing to run. */
export function readArgs<O extends Options>(program: string, table: O): Args<O> {
  try {
    return parseArgs(program, command({ options: table, run: async () => undefined }), process.argv.slice(2), '').args;
  } catch (error) {
    if (!isUsage(error)) throw error;
    return process.exit(error.exitCode === 0 ? 0 : 2);
  }
} // prettier-ignore
