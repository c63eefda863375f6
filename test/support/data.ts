import { existsSync } from 'node:fs';
import path from 'node:path';

const root = process.env['CT_MULTILABEL_DATA'];

/** A file or folder of the real data, or undefined where it is not on this machine (the test then says skipped). */
export function realData(...parts: string[]): string | undefined {
  if (!root) return undefined;
  const file = path.join(root, ...parts);
  return existsSync(file) ? file : undefined;
}
