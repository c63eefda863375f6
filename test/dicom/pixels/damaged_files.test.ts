import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { decodeDicomSlice } from '../../../src/dicom/pixels/decode_slice';
import { ctSlice, dicomBytes, IMPLICIT } from '../../support/dicom_bytes';

const folder = new URL('../../golden/dicom/', import.meta.url);
const files: Record<string, Uint8Array> = {
  written: dicomBytes(ctSlice()),
  writtenImplicit: dicomBytes(ctSlice(), IMPLICIT),
};
for (const name of readdirSync(folder).filter((file) => file.endsWith('.dcm'))) {
  files[name] = new Uint8Array(readFileSync(new URL(name, folder)));
}
const names = Object.keys(files);

/** The error of decoding, or undefined where it went well. */
async function failure(bytes: Uint8Array): Promise<unknown> {
  try {
    const { hu, rows, columns } = await decodeDicomSlice(bytes, { file: 'damaged.dcm' });
    expect(hu).toHaveLength(rows * columns);
    expect(hu.every(Number.isFinite)).toBe(true);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a damaged file', () => {
  it.each(names)('%s, cut short anywhere, gives a DataError that names it', async (name) => {
    const whole = files[name]!;
    // the last bytes of a deflated file only say that it ends
    const longest = whole.length - (name === 'deflated.dcm' ? 3 : 1);
    const near = [0, 1, 131, 132, 133, longest - 8, longest - 1, longest];
    await fc.assert(
      fc.asyncProperty(fc.nat(longest), async (length) => {
        const error = await failure(whole.subarray(0, length));
        expect(error).toBeInstanceOf(DataError);
        expect(String(error)).toContain('damaged.dcm');
      }),
      { numRuns: 40, examples: near.map((length) => [length] as [number]) },
    );
  });

  it.each(names)('%s, with any bytes changed, decodes or gives a DataError', async (name) => {
    const changes = fc.array(fc.tuple(fc.nat(files[name]!.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const bytes = files[name]!.slice();
        for (const [at, value] of list) bytes[at] = value;
        const error = await failure(bytes);
        if (error !== undefined) expect(error).toBeInstanceOf(DataError);
      }),
      { numRuns: 40 },
    );
  });

  it('of random bytes gives a DataError', async () => {
    const magic = dicomBytes({}).subarray(0, 132);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), fc.boolean(), async (bytes, withMagic) => {
        const error = await failure(withMagic ? Uint8Array.from([...magic, ...bytes]) : bytes);
        expect(error).toBeInstanceOf(DataError);
      }),
    );
  });

  it('leaves the codecs as they were for the next one', async () => {
    const encoded = names.filter((name) => /jpeg_(baseline|ls_80|2000_90)\.dcm/.test(name));
    expect(encoded).toHaveLength(3);
    for (const name of encoded) {
      const good = (await decodeDicomSlice(files[name]!)).hu;
      const bad = files[name]!.slice();
      bad.fill(0xff, bad.length - 300, bad.length - 100);
      await failure(bad);
      expect((await decodeDicomSlice(files[name]!)).hu).toEqual(good);
    }
  });
});
