/**
 * The command `ct-multilabel`, to be run from a program.
 *
 * @module ct-multilabel/cli
 */

export { runCommand } from './run_command';
