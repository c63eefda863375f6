import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { DataError } from '../../src/base/errors';
import { decodeDicomSlice, type DecodedDicomSlice } from '../../src/dicom/pixels/decode_slice';
import { changeElements, elementChanges } from './dicom_changes';
import { FACTOR, SEED } from './fuzz';
import { mutantsOf } from './mutations';

const PYTHON = process.env['CT_MULTILABEL_PYTHON'] ?? 'python3';
const hasPydicom = spawnSync(PYTHON, ['-c', 'import pydicom, numpy']).status === 0;

/** Mutants, before the factor. */
const COUNT = 400;
/** Handed to pydicom at a time. */
const BATCH = 100;

const folder = new URL('../golden/dicom/', import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith('.dcm'));
const files = Object.fromEntries(
  names.map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
);
/** pydicom has no decoder of its own for these: their headers are compared, less often. */
const compressed = names.filter((name) => name.startsWith('jpeg'));
const plain = names.filter((name) => !compressed.includes(name));

const NUMBERS = ['instanceNumber', 'imagePosition', 'imageOrientation', 'pixelSpacing', 'sliceThickness', 'gantryTilt'] as const; // prettier-ignore

/** What pydicom makes of a file; null for what is no number to it. */
type Reading = Partial<
  Record<(typeof NUMBERS)[number] | 'rows' | 'columns', number | (number | null)[] | null>
> & {
  error?: string;
  hu: Float32Array;
};

class Pydicom {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly output: AsyncIterator<Buffer>;
  private rest = Buffer.alloc(0);

  constructor() {
    this.child = spawn(PYTHON, [fileURLToPath(new URL('pydicom_reader.py', import.meta.url))]);
    this.child.stderr.pipe(process.stderr);
    this.output = this.child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(all: readonly Uint8Array[]): Promise<Reading[]> {
    for (const bytes of all) {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(bytes.length);
      this.child.stdin.write(head);
      this.child.stdin.write(bytes);
    }
    const readings: Reading[] = [];
    while (readings.length < all.length) {
      const head = await this.take(8);
      const text = await this.take(head.readUInt32LE(0));
      const pixels = await this.take(head.readUInt32LE(4));
      const hu = new Float32Array(new Uint8Array(pixels).buffer);
      readings.push({ ...(JSON.parse(text.toString()) as Omit<Reading, 'hu'>), hu });
    }
    return readings;
  }

  close(): void {
    this.child.stdin.end();
  }

  private async take(length: number): Promise<Buffer> {
    while (this.rest.length < length) {
      const { value, done } = await this.output.next();
      if (done) throw new Error('pydicom has ended');
      this.rest = Buffer.concat([this.rest, value]);
    }
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }
}

/** In what two readings of one file differ. */
function differences({ header, hu, rows, columns }: DecodedDicomSlice, theirs: Reading): string[] {
  const found: string[] = [];
  for (const name of NUMBERS) {
    const [own, other] = [header[name], theirs[name]];
    if (own === undefined || other === undefined || other === null) continue;
    // a number where several are written is the first of them
    const [a, b] = [[own].flat(2), [other].flat()];
    if (JSON.stringify(a) !== JSON.stringify(typeof own === 'number' ? b.slice(0, 1) : b)) {
      found.push(`${name} ${a.join('\\')}, by pydicom ${b.join('\\')}`);
    }
  }
  if (theirs.hu.length === 0) return found;
  if (theirs.rows !== rows || theirs.columns !== columns) {
    found.push(`${rows} x ${columns}, by pydicom ${String(theirs.rows)} x ${String(theirs.columns)}`);
  }
  const at = hu.findIndex((value, i) => !Object.is(value + 0, theirs.hu[i]! + 0));
  if (hu.length !== theirs.hu.length || at >= 0) {
    found.push(
      `${hu.length} HU, the ${at}th ${hu[at]}, by pydicom ${theirs.hu.length} HU and ${theirs.hu[at]}`,
    );
  }
  return found;
}

describe.runIf(hasPydicom)('decodeDicomSlice beside pydicom', () => {
  vi.setConfig({ testTimeout: Math.max(1, FACTOR) * 120e3 });
  let pydicom: Pydicom | undefined;
  afterAll(() => pydicom?.close());

  it('reads no other number without saying that something is unusual', async () => {
    pydicom = new Pydicom();
    const count = Math.round(COUNT * FACTOR);
    const outcome = { refused: 0, reported: 0, equal: 0, unread: 0 };
    const mutants = fc.oneof(
      { weight: 9, arbitrary: mutantsOf(plain, elementChanges) },
      { weight: 1, arbitrary: mutantsOf(compressed, elementChanges) },
    );
    const wrong: string[] = [];
    for (let done = 0; done < count; done += BATCH) {
      const size = Math.min(BATCH, count - done);
      const silent: { mutant: string; bytes: Uint8Array; ours: DecodedDicomSlice }[] = [];
      for (const mutant of fc.sample(mutants, { numRuns: size, seed: SEED + done * 7919 })) {
        const bytes = changeElements(files[mutant.source]!, mutant.changes);
        try {
          const ours = await decodeDicomSlice(bytes);
          if (ours.problems.length + ours.header.problems.length > 0) outcome.reported++;
          else silent.push({ mutant: fc.stringify(mutant), bytes, ours });
        } catch (error) {
          expect(error, fc.stringify(mutant)).toBeInstanceOf(DataError);
          outcome.refused++;
        }
      }
      const readings = await pydicom.read(silent.map(({ bytes }) => bytes));
      silent.forEach(({ mutant, ours }, i) => {
        const different = differences(ours, readings[i]!);
        if (different.length > 0) wrong.push(`${mutant}: ${different.join('; ')}`);
        else if (readings[i]!.hu.length === 0) outcome.unread++;
        else outcome.equal++;
      });
    }
    const { refused, reported, equal, unread } = outcome;
    console.log(
      `beside pydicom, seed ${SEED}: ${count} mutants, ${refused} refused, ${reported} with a problem, ${equal} equal, ${unread} whose pixels pydicom does not read, ${wrong.length} different`,
    );
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(equal).toBeGreaterThan(count / 20);
  });
});
