import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeDicomSlice } from '../../../src/dicom/pixels/decode_slice';
import { DataError } from '../../../src/base/errors';
import { readGolden } from '../../support/golden';

const { tensors, meta } = readGolden('dicom');
const sameAs = JSON.parse(meta['same']!) as Record<string, string>;
const folder = new URL('../../golden/dicom/', import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(`${name}.dcm`, folder)));
const decode = (name: string) => decodeDicomSlice(bytesOf(name), { file: `${name}.dcm` });

/** What the headers of the files say that is unusual; the others have nothing to report. */
const PROBLEMS: Record<string, string[]> = {
  monochrome1: ['monochrome1'],
  padded: ['pixel-padding'],
  no_rescale: ['missing-rescale', 'missing-rescale'],
};

const UNREADABLE = ['jpeg_extended_12'];
/** Written of the picture in signed16, which pydicom's golden values name. */
const SOURCES: Record<string, string> = { big_endian: 'signed16' };
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.dcm'))
  .map((file) => file.replace('.dcm', ''));

describe('files that dcmtk and gdcm wrote', () => {
  it.each(names.filter((name) => !UNREADABLE.includes(name)))('%s has the HU of pydicom', async (name) => {
    const source = SOURCES[name] ?? name;
    const expected = tensors[sameAs[source] ?? source]!;
    const { hu, rows, columns, header, problems } = await decode(name);
    expect([rows, columns]).toEqual(expected.shape);
    expect(hu).toEqual(expected.data); // of the lossy ones too: the codecs compute alike
    expect([...header.problems, ...problems].map(({ kind }) => kind)).toEqual(PROBLEMS[name] ?? []);
  });

  it.each([['jpeg_extended_12', /12 bits/]])('%s is refused by name', async (name, message) => {
    await expect(decode(name)).rejects.toThrow(message);
    await expect(decode(name)).rejects.toThrow(DataError);
    await expect(decode(name)).rejects.toThrow(`${name}.dcm`);
  });
});
