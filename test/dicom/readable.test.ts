import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/base/errors';
import { parseDicomHeader } from '../../src/dicom/dicom_header';
import { decodeDicomSlice } from '../../src/dicom/pixels/decode_slice';
import {
  ctSlice,
  dicomBytes,
  encode,
  EXPLICIT,
  IMPLICIT,
  joinBytes,
  type DicomElements,
} from '../support/dicom_bytes';

const LOSSLESS = '1.2.840.10008.1.2.4.70';
const golden = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../golden/dicom/${name}.dcm`, import.meta.url)));
/** The codestream in a golden file of one fragment. */
function codestream(name: string, marker: number): Uint8Array {
  const file = golden(name);
  const start = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === marker && i > 132);
  const end = file.lastIndexOf(0xd9) + 1;
  return file.slice(start, end);
}
const hounsfield = async (bytes: Uint8Array) => [...(await decodeDicomSlice(bytes, { file: 'a.dcm' })).hu];

describe('a file that can be read', () => {
  const slice = { intercept: -1024, stored: Array.from({ length: 12 }, (_, i) => 24 + 100 * i) };
  const expected = slice.stored.map((value) => value - 1024);

  it.each([
    ['UV', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    ['SV', new Uint8Array(16).fill(255)],
    ['OV', new Uint8Array(24)],
    ['UV', new Uint8Array()],
  ])('has %s before its rescale (case 02)', async (vr, value) => {
    const elements = { '0028,0107': [vr, value] } as DicomElements;
    expect(await hounsfield(dicomBytes(ctSlice({ ...slice, elements })))).toEqual(expected);
  });

  it('is reported where a data set follows its pixels, and not where what may follow them does', async () => {
    const slice = ctSlice();
    const padding: DicomElements = { 'fffc,fffc': ['OB', new Uint8Array(6)] };
    const second = encode(ctSlice({ stored: Array<number>(12).fill(7) }), true);
    const rle = encode({ '7fe0,0010': ['OB', { fragments: [new Uint8Array(), new Uint8Array(4)] }] }, true);
    for (const [behind, reported] of [
      [new Uint8Array(), false],
      [new Uint8Array(20), false],
      [encode(padding, true), false],
      [second, true],
      [joinBytes(encode(padding, true), second), true],
      [rle, true],
    ] as const) {
      const { hu, problems } = await decodeDicomSlice(joinBytes(dicomBytes(slice), behind));
      expect([...hu.slice(0, 2)]).toEqual([-1000, 40]);
      expect(problems.map(({ kind }) => kind)).toEqual(reported ? ['syntax-mismatch'] : []);
    }
    const twice = await decodeDicomSlice(joinBytes(golden('rle_gdcm'), second));
    expect(twice.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/element \(0008,0008\) follows the pixels/),
    ]);
  });

  it('is reported where an element comes again with another representation', async () => {
    const orientation = encode({ '0020,0037': ctSlice()['0020,0037'] }, true);
    const file = dicomBytes(ctSlice());
    const at = Buffer.from(file).indexOf(orientation);
    for (const [vr, kinds] of [['DS', []], ['US', ['syntax-mismatch']]] as const) {
      const again = orientation.slice();
      again.set(new TextEncoder().encode(vr), 4);
      const bytes = joinBytes(file.subarray(0, at), orientation, again, file.subarray(at + orientation.length));
      expect(parseDicomHeader(bytes).problems.map(({ kind }) => kind)).toEqual(kinds);
    }
  }); // prettier-ignore

  it('has no frames by its number of them (case 16)', async () => {
    for (const frames of ['0', '']) {
      const elements = { '0028,0008': ['IS', frames] } as const;
      expect(await hounsfield(dicomBytes(ctSlice({ ...slice, elements })))).toEqual(expected);
    }
  });

  it('has no preamble, or no header of its own', async () => {
    const whole = dicomBytes(ctSlice(slice));
    expect(await hounsfield(whole.subarray(128))).toEqual(expected);
    expect(await hounsfield(whole.subarray(132))).toEqual(expected);
    expect(await hounsfield(encode(ctSlice(slice), false))).toEqual(expected);
  });

  it('is implicit where its syntax says explicit, or the reverse', async () => {
    for (const explicit of [true, false]) {
      const meta = dicomBytes({}, explicit ? IMPLICIT : EXPLICIT);
      const bytes = joinBytes(meta, encode(ctSlice(slice), explicit));
      const { hu, header } = await decodeDicomSlice(bytes);
      expect([...hu]).toEqual(expected);
      expect(header.problems).toMatchObject([{ kind: 'syntax-mismatch', severity: 'warning' }]);
    }
  });

  it.each([
    ['0028,0030', 'FD', '0.5\\0.5 ', 'text'],
    ['0020,0032', 'US', '1\\2\\30 ', 'text'],
    ['0028,1052', 'UL', '-1024   ', 'text'],
    ['0028,0010', 'DS', '\u0003\0', '16-bit integers'],
  ])('names another representation than the value of %s has: %s', async (tag, vr, value, read) => {
    const bytes = (named: string) =>
      dicomBytes(ctSlice({ ...slice, elements: { [tag]: [named, new TextEncoder().encode(value)] } }));
    const right = await decodeDicomSlice(bytes(vr === 'DS' ? 'US' : 'DS'));
    const { hu, header } = await decodeDicomSlice(bytes(vr));
    expect(right.header.problems).toEqual([]);
    expect({ ...header, problems: [] }).toEqual(right.header);
    expect(hu).toEqual(right.hu);
    const message = `element (${tag}) states the representation ${vr}, but is read as ${read}`;
    expect(header.problems).toMatchObject([{ kind: 'syntax-mismatch', severity: 'warning', message }]);
  });

  it('has no SeriesInstanceUID', () => {
    const header = parseDicomHeader(dicomBytes(ctSlice({ elements: { '0020,000e': undefined } })));
    expect(header.seriesUid).toBe('');
    expect(header.problems).toMatchObject([{ kind: 'missing-value', message: /SeriesInstanceUID/ }]);
  });

  it('is big endian, with 8 bits too', async () => {
    const pixels = Uint8Array.from({ length: 12 }, (_, i) => i);
    const elements = {
      ...ctSlice({ bitsAllocated: 8, signed: false, intercept: -1000 }),
      '7fe0,0010': undefined,
    };
    // every element below has a short form, whose tag, length and integers are turned
    const turned = encode(elements, true);
    const view = new DataView(turned.buffer);
    for (let at = 0; at < turned.length;) {
      const length = view.getUint16(at + 6, true);
      const isInteger = turned[at + 4] === 0x55 && turned[at + 5] === 0x53; // US
      const words = [at, at + 2, at + 6, ...(isInteger ? [at + 8] : [])];
      words.forEach((word) => view.setUint16(word, view.getUint16(word, true), false));
      at += 8 + length;
    }
    const head = Uint8Array.of(0x7f, 0xe0, 0, 0x10, 0x4f, 0x57, 0, 0, 0, 0, 0, 12);
    const exchanged = Uint8Array.from(pixels, (_, i) => pixels[i ^ 1]!);
    const bytes = joinBytes(dicomBytes({}, '1.2.840.10008.1.2.2'), turned, head, exchanged);
    expect(await hounsfield(bytes)).toEqual([...pixels].map((value) => value - 1000));
  });

  it('has an icon with pixels of its own before the image (case 30)', async () => {
    const icon = { '0028,0010': ['US', [1]], '7fe0,0010': ['OB', new Uint8Array(16)] } as DicomElements;
    for (const syntax of [EXPLICIT, IMPLICIT]) {
      const elements = { '0088,0200': ['SQ', [icon]] } as DicomElements;
      expect(await hounsfield(dicomBytes(ctSlice({ ...slice, elements }), syntax))).toEqual(expected);
    }
  });
});

describe('a codestream', () => {
  const size = { rows: 40, columns: 48, intercept: -1024, signed: false };
  const wrapped = (stream: Uint8Array, syntax: string, more: DicomElements = {}) =>
    dicomBytes(
      ctSlice({
        ...size,
        stored: [],
        elements: { ...more, '7fe0,0010': ['OB', { fragments: [new Uint8Array(), stream] }] },
      }),
      syntax,
    );

  it.each([
    ['jpeg_lossless_sv1', 0xd8, LOSSLESS],
    ['jpeg_ls_80', 0xd8, '1.2.840.10008.1.2.4.80'],
    ['jpeg_2000_90', 0x4f, '1.2.840.10008.1.2.4.90'],
  ])('of %s may have anything behind its end (case 14)', async (name, marker, syntax) => {
    const stream = codestream(name, marker);
    const expected = await hounsfield(golden(name));
    // a space, a line end, and the rest of a buffer with the end of an earlier image in it
    for (const rest of [[0x20], [0x0a], [0x0d, 0x0a], [1, 2, 3, 0xff, 0xd9, 7, 0xff]]) {
      expect(
        await hounsfield(wrapped(joinBytes(stream, Uint8Array.from(rest)), syntax)),
        String(rest),
      ).toEqual(expected);
    }
    await expect(hounsfield(wrapped(stream.subarray(0, -2), syntax))).rejects.toThrow(
      /truncated: it has no end/,
    );
  });

  it('of JPEG 2000 may come in the boxes of a JP2 file', async () => {
    const stream = codestream('jpeg_2000_90', 0x4f);
    const box = (type: string, body: Uint8Array, length = body.length + 8) => {
      const head = new DataView(new ArrayBuffer(8));
      head.setUint32(0, length);
      return joinBytes(
        new Uint8Array(head.buffer).map((byte, i) => (i < 4 ? byte : type.charCodeAt(i - 4))),
        body,
      );
    };
    const signature = box('jP  ', Uint8Array.of(0x0d, 0x0a, 0x87, 0x0a));
    const type = box('ftyp', new TextEncoder().encode('jp2 \0\0\0\0jp2 '));
    const expected = await hounsfield(golden('jpeg_2000_90'));
    for (const length of [stream.length + 8, 0]) {
      const file = joinBytes(signature, type, box('jp2c', stream, length));
      expect(await hounsfield(wrapped(file, '1.2.840.10008.1.2.4.90'))).toEqual(expected);
    }
    await expect(hounsfield(wrapped(joinBytes(signature, type), '1.2.840.10008.1.2.4.90'))).rejects.toThrow(
      DataError,
    );
  });

  it('is found by the extended offset table', async () => {
    const stream = codestream('jpeg_lossless_sv1', 0xd8);
    const expected = await hounsfield(golden('jpeg_lossless_sv1'));
    const tables = { '7fe0,0001': ['OV', new Uint8Array(8)], '7fe0,0002': ['OV', Uint8Array.of(stream.length & 255, stream.length >> 8, 0, 0, 0, 0, 0, 0)] } as DicomElements; // prettier-ignore
    expect(await hounsfield(wrapped(stream, LOSSLESS, tables))).toEqual(expected);
  });

  it('of several frames is recognised by fragments or by either table', async () => {
    const rle = (high: number, low: number) => {
      const header = new DataView(new ArrayBuffer(64));
      [2, 64, 66].forEach((value, i) => header.setUint32(4 * i, value, true));
      return joinBytes(new Uint8Array(header.buffer), Uint8Array.of(0xf5, high, 0xf5, low));
    };
    const frames = [rle(0, 5), rle(0, 9)];
    const halves = frames.flatMap((frame) => [frame.subarray(0, 64), frame.subarray(64)]);
    const second = 68 + 2 * 8; // two fragments with their heads
    const basic = Uint8Array.of(0, 0, 0, 0, second, 0, 0, 0);
    const extended = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, second, 0, 0, 0, 0, 0, 0, 0);
    const place = (z: number): DicomElements => ({
      '0020,9113': ['SQ', [{ '0020,0032': ['DS', ['0', '0', String(z)]] }]],
    });
    const file = (fragments: readonly Uint8Array[], more: DicomElements = {}) =>
      dicomBytes(
        ctSlice({
          intercept: -1000,
          elements: {
            '0028,0008': ['IS', '2'],
            '5200,9230': ['SQ', [place(0), place(5)]],
            ...more,
            '7fe0,0010': ['OB', { fragments }],
          },
        }),
        '1.2.840.10008.1.2.5',
      );
    for (const bytes of [
      file([new Uint8Array(), ...frames]),
      file([basic, ...halves]),
      file([new Uint8Array(), ...halves], { '7fe0,0001': ['OV', extended] }),
    ]) {
      for (const [frame, value] of [[0, -995], [1, -991]] as const) {
        const { hu } = await decodeDicomSlice(bytes, {}, { frame });
        expect([...hu]).toEqual(Array(12).fill(value));
      }
    } // prettier-ignore
    const lost = decodeDicomSlice(file([new Uint8Array(), ...halves]), { file: 'a.dcm' }, { frame: 1 });
    await expect(lost).rejects.toThrow(
      /an offset for each of 2 frames, found 4 fragments and 0 offsets.*a\.dcm/,
    );
  });
});
