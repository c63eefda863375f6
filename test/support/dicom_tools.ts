import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Whether a program starts at all. */
const starts = (program: string, ...args: string[]) =>
  spawnSync(program, args, { stdio: 'ignore' }).error === undefined;

export const hasDsrdump = starts('dsrdump', '--version');
export const hasDciodvfy = starts('dciodvfy', '-version');
/** The Python that has pydicom; undefined where none has. */
export const pythonWithPydicom = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import pydicom'], { stdio: 'ignore' }).status === 0,
);

/** What a program prints about a DICOM file, on both streams. */
function printed(program: string, args: (file: string) => string[], bytes: Uint8Array): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-'));
  try {
    const file = path.join(folder, 'object.dcm');
    writeFileSync(file, bytes);
    const { stdout, stderr, status } = spawnSync(program, args(file), { encoding: 'utf8' });
    return `${stdout}${stderr}exit ${status}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A report as dcmtk prints it. */
export const dsrdump = (bytes: Uint8Array) => printed('dsrdump', (file) => ['+Pc', '-Ei', file], bytes);

/** What dicom3tools finds wrong with an object: its lines of errors. */
export const dciodvfyErrors = (bytes: Uint8Array) =>
  printed('dciodvfy', (file) => ['-new', file], bytes)
    .split('\n')
    .filter((line) => line.startsWith('Error'));

/** What a Python program prints of `dataset`, the object as pydicom reads it. */
export const pydicom = (bytes: Uint8Array, program: string) =>
  printed(
    pythonWithPydicom!,
    (file) => ['-c', `import pydicom, sys; dataset = pydicom.dcmread(sys.argv[1])\n${program}`, file],
    bytes,
  );
