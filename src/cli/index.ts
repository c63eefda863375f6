/**
 * The command `ct-multilabel`, to be run from a program.
 *
 * @module cli
 */

export { runCommand } from './run_command';
