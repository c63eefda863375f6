import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** How a program ended. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of `ct-multilabel` as a user would. */
export const command = (name: string, ...args: string[]): Promise<Result> =>
  program('src/cli/main.ts', name, ...args);

/** Runs a TypeScript file of the repository. */
export async function program(file: string, ...args: string[]): Promise<Result> {
  const tsx = path.join(root, 'node_modules/tsx/dist/cli.mjs');
  try {
    const { stdout, stderr } = await run(process.execPath, [tsx, file, ...args], {
      cwd: root,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Result;
    return { code, stdout, stderr };
  }
}
