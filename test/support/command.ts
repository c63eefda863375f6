import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { COMPILED } from './compiled_sources';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The command's program. */
export const COMMANDS = path.join(COMPILED, 'cli/main.js');

/** How a program ended. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of `ct-multilabel` as a user would. */
export const command = (name: string, ...args: string[]): Promise<Result> => ended([COMMANDS, name, ...args]);

/** Runs a TypeScript file of the repository. */
export const program = (file: string, ...args: string[]): Promise<Result> =>
  ended([path.join(root, 'node_modules/tsx/dist/cli.mjs'), file, ...args]);

async function ended(args: readonly string[]): Promise<Result> {
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd: root });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Result;
    return { code, stdout, stderr };
  }
}
